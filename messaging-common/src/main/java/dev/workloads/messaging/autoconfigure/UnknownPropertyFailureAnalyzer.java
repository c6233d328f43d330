package dev.workloads.messaging.autoconfigure;

import java.io.IOException;
import java.io.InputStream;
import java.net.URL;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.Comparator;
import java.util.List;
import java.util.regex.Pattern;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import org.springframework.boot.context.properties.bind.UnboundConfigurationPropertiesException;
import org.springframework.boot.context.properties.source.ConfigurationProperty;
import org.springframework.boot.diagnostics.AbstractFailureAnalyzer;
import org.springframework.boot.diagnostics.FailureAnalysis;
import org.springframework.core.annotation.Order;

/** Names the known property that is nearest to an unknown one. */
@Order(0) // before Boot's own, which shows the value: that of a misspelt password
final class UnknownPropertyFailureAnalyzer extends AbstractFailureAnalyzer<UnboundConfigurationPropertiesException> {

  private static final Pattern NAME = Pattern.compile("\"name\"\\s*:\\s*\"([^\"]+)\"");

  @Override
  protected FailureAnalysis analyze(Throwable rootFailure, UnboundConfigurationPropertiesException cause) {
    List<String> known = knownProperties();
    return new FailureAnalysis(cause.getUnboundProperties().stream().map(property -> describe(property, known))
        .collect(Collectors.joining("\n")), "Correct or remove what is unknown.", cause);
  }

  private static String describe(ConfigurationProperty property, List<String> known) {
    String name = property.getName().toString();
    String prefix = name.substring(0, name.indexOf('.') + 1);
    return "There is no property '" + name + "' (from " + property.getOrigin() + ")." + known.stream()
        .filter(candidate -> candidate.startsWith(prefix))
        .min(Comparator.comparingInt(candidate -> distance(name, candidate)))
        .map(nearest -> " Did you mean '" + nearest + "'?").orElse("");
  }

  static List<String> knownProperties() {
    List<String> known = new ArrayList<>();
    try {
      for (URL metadata : Collections.list(Thread.currentThread().getContextClassLoader()
          .getResources("META-INF/spring-configuration-metadata.json"))) {
        try (InputStream in = metadata.openStream()) {
          String json = new String(in.readAllBytes(), StandardCharsets.UTF_8);
          NAME.matcher(json.substring(Math.max(0, json.indexOf("\"properties\"")))) // groups come first
              .results().map(match -> match.group(1)).forEach(known::add);
        }
      }
    } catch (IOException e) {
      return known; // no reason to lose the failure itself
    }
    return known;
  }

  /** Returns how many characters to insert, remove or replace make one text the other. */
  private static int distance(String one, String other) {
    int[] row = IntStream.rangeClosed(0, other.length()).toArray();
    for (int i = 1; i <= one.length(); i++) {
      int diagonal = row[0];
      row[0] = i;
      for (int j = 1; j <= other.length(); j++) {
        int above = row[j];
        row[j] = one.charAt(i - 1) == other.charAt(j - 1) ? diagonal
            : 1 + Math.min(diagonal, Math.min(above, row[j - 1]));
        diagonal = above;
      }
    }
    return row[other.length()];
  }
}
