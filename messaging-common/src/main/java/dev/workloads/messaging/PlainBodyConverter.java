package dev.workloads.messaging;

/** Converts bytes and text only. */
final class PlainBodyConverter implements BodyConverter {

  @Override
  public BrokerMessage write(String subject, Object body) {
    if (body instanceof byte[] bytes) {
      return new BrokerMessage(subject, bytes);
    }
    if (body instanceof CharSequence text) {
      return BrokerMessage.of(subject, text.toString()).withHeader(BrokerMessage.CONTENT_TYPE, "text/plain;charset=UTF-8");
    }
    throw noJson(body.getClass());
  }

  @Override
  public <T> T read(BrokerMessage message, Class<T> type) {
    if (type == byte[].class) {
      return type.cast(message.body());
    }
    if (type == String.class || type == CharSequence.class) {
      return type.cast(message.text());
    }
    throw noJson(type);
  }

  private static IllegalStateException noJson(Class<?> type) {
    return new IllegalStateException("Only byte[] and String can be converted here, not " + type.getSimpleName()
        + ": there is no JsonMapper. Add spring-boot-starter-jackson.");
  }
}
