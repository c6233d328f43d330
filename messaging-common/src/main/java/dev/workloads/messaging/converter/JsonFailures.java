package dev.workloads.messaging.converter;

import java.util.stream.Collectors;
import org.springframework.messaging.converter.MessageConversionException;
import org.springframework.util.ClassUtils;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.StreamReadException;

/** Describes why JSON does not fit. Apart from what Spring introspects: there may be no Jackson. */
final class JsonFailures {

  private static final boolean JACKSON =
      ClassUtils.isPresent("tools.jackson.core.JacksonException", JsonFailures.class.getClassLoader());

  private JsonFailures() {}

  static String describe(MessageConversionException failure) {
    return JACKSON && failure.getCause() instanceof JacksonException e ? describe(e) : "it does not fit";
  }

  private static String describe(JacksonException failure) {
    if (failure instanceof StreamReadException) {
      return "not valid JSON (line " + failure.getLocation().getLineNr() + ", column "
          + failure.getLocation().getColumnNr() + ")";
    }
    String member = failure.getPath().stream().map(reference -> reference.getPropertyName() == null
        ? "[" + reference.getIndex() + "]" : "." + reference.getPropertyName()).collect(Collectors.joining());
    return member.isEmpty() ? "not the JSON that is expected"
        : "member \"" + member.replaceFirst("^\\.", "") + "\" is missing or does not fit";
  }
}
