package dev.workloads.messaging.annotation;

import dev.workloads.messaging.MessageRejectedException;
import org.jspecify.annotations.Nullable;
import org.springframework.beans.factory.config.ConfigurableBeanFactory;
import org.springframework.core.MethodParameter;
import org.springframework.core.convert.ConversionException;
import org.springframework.core.convert.ConversionService;
import org.springframework.messaging.Message;
import org.springframework.messaging.handler.annotation.Header;
import org.springframework.messaging.handler.annotation.support.HeaderMethodArgumentResolver;
import org.springframework.util.StringUtils;

/** Resolves a header; one that is missing or does not fit is its sender's fault. */
final class HeaderArgumentResolver extends HeaderMethodArgumentResolver {

  HeaderArgumentResolver(ConversionService conversion, ConfigurableBeanFactory beans) {
    super(conversion, beans);
  }

  @Override
  public @Nullable Object resolveArgument(MethodParameter parameter, Message<?> message) throws Exception {
    try {
      return super.resolveArgument(parameter, message);
    } catch (ConversionException e) {
      throw new MessageRejectedException("header " + name(parameter) + " does not fit");
    }
  }

  @Override
  protected void handleMissingValue(String name, MethodParameter parameter, Message<?> message) {
    throw new MessageRejectedException("header " + name + " is missing");
  }

  /** Returns the header's name, or {@code null} if neither the annotation nor the compiler has told it. */
  static @Nullable String name(MethodParameter parameter) {
    Header header = parameter.getParameterAnnotation(Header.class);
    return header != null && StringUtils.hasText(header.name()) ? header.name() : parameter.getParameterName();
  }
}
