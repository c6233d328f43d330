package dev.workloads.messaging.annotation;

import dev.workloads.messaging.BrokerMessage;
import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.converter.SpringBodyConverter;
import java.util.Optional;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.core.annotation.MergedAnnotations;
import org.springframework.messaging.Message;
import org.springframework.messaging.converter.SimpleMessageConverter;
import org.springframework.messaging.handler.annotation.Payload;
import org.springframework.messaging.handler.annotation.support.MethodArgumentNotValidException;
import org.springframework.messaging.handler.annotation.support.PayloadMethodArgumentResolver;
import org.springframework.validation.BindingResult;
import org.springframework.validation.FieldError;
import org.springframework.validation.Validator;
import org.springframework.validation.annotation.Validated;

/**
 * Resolves the body. Only the validation is Spring's: its resolver takes bytes for any type that they can be assigned to, an
 * empty text or none for a mistake, and malformed UTF-8 for text.
 */
final class BodyArgumentResolver extends PayloadMethodArgumentResolver {

  private final SpringBodyConverter converter;
  private final boolean beanValidation;

  /**
   * Creates a resolver.
   *
   * @param beanValidation whether {@link MethodConstraints} check what {@code @Valid} asks for
   */
  BodyArgumentResolver(SpringBodyConverter converter, @Nullable Validator validator, boolean beanValidation) {
    super(new SimpleMessageConverter(), validator); // the converter is never asked
    this.converter = converter;
    this.beanValidation = beanValidation;
  }

  @Override
  public @Nullable Object resolveArgument(MethodParameter parameter, Message<?> message) {
    BrokerMessage received = BrokerHeaders.of(message);
    boolean optional = parameter.getParameterType() == Optional.class;
    Object body = optional && received.body().length == 0 ? null
        : converter.read(received, resolveTargetClass(parameter, message), parameter);
    if (body != null) {
      validate(message, parameter, body);
    } else if (!optional && isRequired(parameter)) {
      throw SpringBodyConverter.absent(received);
    }
    return optional ? Optional.ofNullable(body) : body;
  }

  private static boolean isRequired(MethodParameter parameter) {
    Payload payload = parameter.getParameterAnnotation(Payload.class);
    return payload == null || payload.required();
  }

  @Override
  protected void validate(Message<?> message, MethodParameter parameter, Object body) {
    if (beanValidation && !MergedAnnotations.from(parameter.getParameterAnnotations()).isPresent(Validated.class)) {
      return;
    }
    try {
      super.validate(message, parameter, body);
    } catch (MethodArgumentNotValidException e) {
      throw new MessageRejectedException("invalid body: " + describe(e.getBindingResult()));
    }
  }

  private static String describe(@Nullable BindingResult result) {
    return result == null ? "it does not fit" : result.getAllErrors().stream().map(error ->
        (error instanceof FieldError field ? field.getField() + " " : "") + error.getDefaultMessage())
        .sorted().collect(Collectors.joining(", "));
  }
}
