package dev.workloads.messaging.test;

import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.test.context.ContextConfigurationAttributes;
import org.springframework.test.context.ContextCustomizer;
import org.springframework.test.context.ContextCustomizerFactory;
import org.springframework.test.context.TestContextAnnotationUtils;

/** Looks for {@link WithNatsServer} on test classes, what they extend and, if nested, what encloses them. */
final class NatsServerContextCustomizerFactory implements ContextCustomizerFactory {

  @Override
  public @Nullable ContextCustomizer createContextCustomizer(Class<?> testClass,
      List<ContextConfigurationAttributes> configuration) {
    WithNatsServer annotation = TestContextAnnotationUtils.findMergedAnnotation(testClass, WithNatsServer.class);
    return annotation == null ? null : new NatsServerContextCustomizer(List.of(annotation.value()));
  }
}
