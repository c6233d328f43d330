package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.converter.SpringBodyConverter;
import org.springframework.boot.autoconfigure.condition.ConditionalOnBean;
import org.springframework.boot.autoconfigure.condition.ConditionalOnClass;
import org.springframework.boot.autoconfigure.condition.ConditionalOnMissingBean;
import org.springframework.context.annotation.Bean;
import org.springframework.context.annotation.Configuration;
import org.springframework.messaging.converter.JacksonJsonMessageConverter;
import tools.jackson.databind.json.JsonMapper;

/** How bodies are converted: JSON by the application's mapper, if there is one. */
@Configuration(proxyBeanMethods = false)
class BodyConverterConfiguration {

  /** Bodies may be JSON. */
  @Configuration(proxyBeanMethods = false)
  @ConditionalOnClass(JsonMapper.class)
  @ConditionalOnBean(JsonMapper.class)
  static class JsonConfiguration {

    @Bean
    @ConditionalOnMissingBean
    SpringBodyConverter jsonBodyConverter(JsonMapper mapper) {
      JacksonJsonMessageConverter converter = new JacksonJsonMessageConverter(mapper);
      converter.setContentTypeResolver(null); // the declared type alone decides
      return new SpringBodyConverter(converter);
    }
  }

  /** Bodies are bytes or text. */
  @Bean
  @ConditionalOnMissingBean
  SpringBodyConverter bodyConverter() {
    return new SpringBodyConverter(null);
  }
}
