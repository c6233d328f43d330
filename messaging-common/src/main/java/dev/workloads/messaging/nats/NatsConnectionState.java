package dev.workloads.messaging.nats;

import io.nats.client.Connection;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * A snapshot of the connection to NATS.
 *
 * @param status jnats' status of the connection, {@code DISCONNECTED} before the first
 * @param server the server connected to, without credentials, or {@code null} if there is none
 * @param problem what is wrong, or {@code null}: why there is no connection, or which subscription was refused
 */
public record NatsConnectionState(Connection.Status status, @Nullable String server, @Nullable String problem) {

  private static final Pattern USER_INFO = Pattern.compile("//[^/@\\s]*@");

  public NatsConnectionState {
    server = masked(server);
    problem = masked(problem);
  }

  /** Returns whether there is a connection and nothing is wrong with it. */
  public boolean isUp() {
    return status == Connection.Status.CONNECTED && problem == null;
  }

  static @Nullable String masked(@Nullable String text) {
    return text == null ? null : USER_INFO.matcher(text).replaceAll("//");
  }
}
