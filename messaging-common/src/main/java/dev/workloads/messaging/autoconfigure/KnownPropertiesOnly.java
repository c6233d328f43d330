package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.InvalidConfigurationException;
import java.io.IOException;
import java.lang.reflect.RecordComponent;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Comparator;
import java.util.List;
import java.util.Set;
import java.util.regex.Pattern;
import java.util.stream.Stream;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.bind.DataObjectPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName;
import org.springframework.boot.context.properties.source.ConfigurationPropertyName.Form;
import org.springframework.boot.context.properties.source.ConfigurationPropertySource;
import org.springframework.boot.context.properties.source.IterableConfigurationPropertySource;
import org.springframework.boot.origin.Origin;
import org.springframework.context.ApplicationContextInitializer;
import org.springframework.context.ConfigurableApplicationContext;
import org.springframework.core.env.StandardEnvironment;
import org.springframework.core.io.Resource;
import org.springframework.core.io.support.PathMatchingResourcePatternResolver;
import org.springframework.util.ClassUtils;

/**
 * Stops the start of an application that asks for it at a property that nobody knows, which is mostly a typo. Looks at files
 * and arguments; environment variables and system properties are not the application's alone. Names are known by the
 * metadata on the class path. Below a map of records they are the components of the record.
 */
public final class KnownPropertiesOnly implements ApplicationContextInitializer<ConfigurableApplicationContext> {

  private static final Pattern PROPERTY = Pattern.compile("\"name\"\\s*:\\s*\"([^\"]+)\""
      + "(?:,\\s*\"type\"\\s*:\\s*\"java\\.util\\.Map<java\\.lang\\.String,([^\"<>]+)>\")?");
  private static final Set<String> NOT_ITS_OWN = Set.of(StandardEnvironment.SYSTEM_ENVIRONMENT_PROPERTY_SOURCE_NAME,
      StandardEnvironment.SYSTEM_PROPERTIES_PROPERTY_SOURCE_NAME);

  private final List<ConfigurationPropertyName> roots;

  /**
   * A property.
   *
   * @param members what each entry may hold if this is a map of records, else nothing
   */
  record Known(ConfigurationPropertyName name, List<String> members) {

    /** Returns what others may be called: where they are in an entry of the map, the members of that entry. */
    private Stream<ConfigurationPropertyName> names(ConfigurationPropertyName other) {
      return members.isEmpty() || !name.isAncestorOf(other) ? Stream.of(name)
          : members.stream().map(other.chop(name.getNumberOfElements() + 1)::append);
    }
  }

  /**
   * Creates an initializer.
   *
   * @param roots what the properties that are looked at begin with
   */
  public KnownPropertiesOnly(String... roots) {
    this.roots = List.of(roots).stream().map(ConfigurationPropertyName::of).toList();
  }

  @Override
  public void initialize(ConfigurableApplicationContext context) {
    List<Known> known = knownProperties().filter(each -> isBelowRoot(each.name())).toList();
    List<String> unknown = context.getEnvironment().getPropertySources().stream()
        .filter(source -> !NOT_ITS_OWN.contains(source.getName()))
        .flatMap(source -> unknown(ConfigurationPropertySource.from(source), known).stream()).toList();
    if (!unknown.isEmpty()) {
      throw new InvalidConfigurationException(String.join("\n", unknown), "Correct or remove what is unknown.");
    }
  }

  private boolean isBelowRoot(ConfigurationPropertyName name) {
    return roots.stream().anyMatch(root -> root.isAncestorOf(name));
  }

  private List<String> unknown(@Nullable ConfigurationPropertySource source, List<Known> known) {
    return source instanceof IterableConfigurationPropertySource names ? names.stream()
        .filter(name -> isBelowRoot(name) && known.stream().flatMap(each -> each.names(name))
            .noneMatch(each -> each.equals(name) || each.isAncestorOf(name)))
        .map(name -> describe(source, name, known)).toList() : List.of();
  }

  // The sentence leaves the value out: it may be a password under a misspelt name
  private static String describe(ConfigurationPropertySource source, ConfigurationPropertyName name,
      List<Known> known) {
    return "There is no property '" + name + "' (from " + Origin.from(source.getConfigurationProperty(name)) + ")."
        + known.stream().flatMap(candidate -> candidate.names(name))
        .filter(candidate -> candidate.getElement(0, Form.UNIFORM).equals(name.getElement(0, Form.UNIFORM)))
        .max(Comparator.comparingInt(candidate -> similarity(name.toString(), candidate.toString())))
        .map(nearest -> " Did you mean '" + nearest + "'?").orElse("");
  }

  static Stream<Known> knownProperties() {
    List<Known> known = new ArrayList<>();
    try {
      for (Resource metadata : new PathMatchingResourcePatternResolver()
          .getResources("classpath*:META-INF/spring-configuration-metadata.json")) {
        String json = metadata.getContentAsString(StandardCharsets.UTF_8);
        PROPERTY.matcher(json.substring(Math.max(0, json.indexOf("\"properties\"")))) // groups come first
            .results().map(match -> new Known(ConfigurationPropertyName.adapt(match.group(1), '.'), members(match.group(2))))
            .forEach(known::add);
      }
    } catch (IOException e) {
      throw new IllegalStateException("the metadata of properties cannot be read", e);
    }
    return known.stream();
  }

  private static List<String> members(@Nullable String type) {
    try {
      RecordComponent[] components = type == null ? null : ClassUtils.forName(type, null).getRecordComponents();
      return components == null ? List.of() : Arrays.stream(components)
          .map(component -> DataObjectPropertyName.toDashedForm(component.getName())).toList();
    } catch (ClassNotFoundException | LinkageError e) {
      return List.of(); // the class belongs to something that is not there
    }
  }

  // A typo is in one place: what stands before it and after it is as it should be
  private static int similarity(String one, String other) {
    int before = Arrays.mismatch(one.toCharArray(), other.toCharArray());
    int after = Arrays.mismatch(new StringBuilder(one).reverse().toString().toCharArray(),
        new StringBuilder(other).reverse().toString().toCharArray());
    return 2 * (before + after) - other.length();
  }
}
