package dev.workloads.messaging;

import java.nio.charset.StandardCharsets;
import java.util.regex.Pattern;

/**
 * What JetStream answers a message that one of its streams keeps. A stream may cover the subjects of requests; then its
 * acknowledgement comes beside the worker's reply, mostly before it.
 */
public final class JetStreamAcknowledgement {

  // {"stream":"TASKS", "seq":1}, with more members of one level, and an error before where the stream is full. There is no
  // surer sign: it has no headers, and any worker might send the same.
  private static final Pattern FORM = Pattern.compile(
      "\\{(\"error\":\\{[^{}]*},\\s*)?\"stream\":\"[^\"]*\",\\s*(\"domain\":\"[^\"]*\",\\s*)?\"seq\":\\d+"
          + "(,\\s*\"\\w+\":(\"[^\"]*\"|\\w+))*}");
  private static final int MAX_LENGTH = 1024;

  private JetStreamAcknowledgement() {}

  /** Returns whether a message is one. */
  public static boolean isOne(BrokerMessage message) {
    return message.headers().isEmpty() && isOne(message.body());
  }

  /** Returns whether the body of a message without headers is one. */
  public static boolean isOne(byte[] body) {
    return body.length <= MAX_LENGTH && body.length > 0 && body[0] == '{'
        && FORM.matcher(new String(body, StandardCharsets.UTF_8)).matches();
  }
}
