package dev.workloads.messaging.converter;

import java.util.Collection;
import java.util.Set;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.messaging.converter.MessageConversionException;
import org.springframework.util.ClassUtils;
import tools.jackson.core.JacksonException;
import tools.jackson.core.exc.InputCoercionException;
import tools.jackson.core.exc.StreamConstraintsException;
import tools.jackson.core.exc.StreamReadException;
import tools.jackson.databind.exc.InvalidDefinitionException;
import tools.jackson.databind.exc.MismatchedInputException;
import tools.jackson.databind.exc.PropertyBindingException;

/** Describes why JSON does not fit. A class of its own: Spring introspects {@link SpringBodyConverter}, also without Jackson. */
final class JsonFailures {

  private static final boolean JACKSON =
      ClassUtils.isPresent("tools.jackson.core.JacksonException", JsonFailures.class.getClassLoader());
  private static final char END = ' ';
  private static final char ANY = '?';
  private static final Set<Class<?>> WHOLE_NUMBERS = Set.of(Byte.class, Short.class, Integer.class, Long.class);

  private JsonFailures() {}

  /** Returns whether no body at all could be read as the type: then it is not the sender's fault. */
  static boolean isOfType(MessageConversionException failure) {
    return JACKSON && failure.getCause() instanceof InvalidDefinitionException;
  }

  /** Returns the reason, without names of classes and what the body holds. */
  static String describe(byte[] body, MessageConversionException failure) {
    return JACKSON && failure.getCause() instanceof JacksonException e ? describe(body, e) : "it does not fit";
  }

  private static String describe(byte[] body, JacksonException failure) {
    if (failure instanceof StreamConstraintsException) {
      return "it is nested too deep, or a number or a name in it is too long";
    }
    if (failure instanceof StreamReadException && !(failure instanceof InputCoercionException)) {
      return "not valid JSON (line " + failure.getLocation().getLineNr() + ", column "
          + failure.getLocation().getColumnNr() + ")";
    }
    String member = failure.getPath().stream().map(reference -> reference.getPropertyName() == null
        ? "[" + reference.getIndex() + "]" : "." + reference.getPropertyName()).collect(Collectors.joining());
    String subject = member.isEmpty() ? "it" : "member \"" + member.replaceFirst("^\\.", "") + "\"";
    return subject + " " + problem(body, failure);
  }

  private static String problem(byte[] body, JacksonException failure) {
    if (failure instanceof InputCoercionException) {
      return "is out of range";
    }
    if (failure instanceof PropertyBindingException) {
      return "is unknown";
    }
    if (!(failure instanceof MismatchedInputException mismatch)) {
      return "is not a valid value";
    }
    boolean general = failure.getClass() == MismatchedInputException.class;
    return switch (general ? found(body, failure) : ANY) {
      case 'n' -> "must not be null";
      case '}', END -> "is missing"; // the end of the object has come instead
      default -> required(mismatch.getTargetType(), general ? "is of the wrong type" : "is not a valid value");
    };
  }

  /** Returns the character where the reading ended: the first of the value that does not fit. */
  private static char found(byte[] body, JacksonException failure) {
    long at = failure.getLocation() == null ? -1 : failure.getLocation().getByteOffset();
    return at >= 0 && at < body.length ? (char) body[(int) at] : END;
  }

  private static String required(@Nullable Class<?> target, String otherwise) {
    Class<?> type = target == null ? Object.class : ClassUtils.resolvePrimitiveIfNecessary(target);
    if (WHOLE_NUMBERS.contains(type)) {
      return "must be a whole number";
    }
    if (Number.class.isAssignableFrom(type)) {
      return "must be a number";
    }
    if (type == Boolean.class) {
      return "must be true or false";
    }
    if (CharSequence.class.isAssignableFrom(type)) {
      return "must be text";
    }
    return type.isArray() || Collection.class.isAssignableFrom(type) ? "must be a list" : otherwise;
  }
}
