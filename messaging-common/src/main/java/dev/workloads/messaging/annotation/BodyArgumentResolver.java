package dev.workloads.messaging.annotation;

import dev.workloads.messaging.MessageRejectedException;
import dev.workloads.messaging.converter.SpringBodyConverter;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import org.springframework.core.MethodParameter;
import org.springframework.messaging.Message;
import org.springframework.messaging.converter.MessageConversionException;
import org.springframework.messaging.converter.MessageConverter;
import org.springframework.messaging.handler.annotation.support.MethodArgumentNotValidException;
import org.springframework.messaging.handler.annotation.support.PayloadMethodArgumentResolver;
import org.springframework.validation.BindingResult;
import org.springframework.validation.FieldError;
import org.springframework.validation.Validator;

/** Resolves the body. Spring's own takes an empty text or none for a mistake, and malformed UTF-8 for text. */
final class BodyArgumentResolver extends PayloadMethodArgumentResolver {

  BodyArgumentResolver(MessageConverter converter, @Nullable Validator validator) {
    super(converter, validator);
  }

  @Override
  public @Nullable Object resolveArgument(MethodParameter parameter, Message<?> message) throws Exception {
    try {
      if (parameter.getParameterType() == byte[].class) {
        return validated(message, parameter, message.getPayload());
      }
      if (parameter.getParameterType() == String.class) {
        return validated(message, parameter, ((BrokerHeaders) message.getHeaders()).message().text());
      }
      return super.resolveArgument(parameter, message);
    } catch (MessageConversionException e) {
      throw SpringBodyConverter.unreadable(e);
    } catch (MethodArgumentNotValidException e) {
      throw new MessageRejectedException("invalid body: " + describe(e.getBindingResult()));
    }
  }

  private Object validated(Message<?> message, MethodParameter parameter, Object body) {
    validate(message, parameter, body);
    return body;
  }

  private static String describe(@Nullable BindingResult result) {
    return result == null ? "it does not fit" : result.getAllErrors().stream().map(error ->
        (error instanceof FieldError field ? field.getField() + " " : "") + error.getDefaultMessage())
        .sorted().collect(Collectors.joining(", "));
  }
}
