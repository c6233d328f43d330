package dev.workloads.messaging.autoconfigure;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.autoconfigure.service.connection.ConnectionDetails;
import org.springframework.boot.ssl.SslBundle;

/** Where the NATS cluster is and how to log in to it, in one way or in none. */
public interface NatsConnectionDetails extends ConnectionDetails {

  /** Returns the URLs of the servers. */
  List<String> getServers();

  /** Returns the user name, or {@code null} for none. */
  default @Nullable String getUsername() {
    return null;
  }

  /** Returns the password, or {@code null} for none. */
  default @Nullable String getPassword() {
    return null;
  }

  /** Returns the token, or {@code null} for none. */
  default @Nullable String getToken() {
    return null;
  }

  /** Returns the file with a user's JWT and NKey seed, or {@code null} for none. */
  default @Nullable Path getCredentialsFile() {
    return null;
  }

  /** Returns the file with a user's NKey seed, or {@code null} for none. */
  default @Nullable Path getNkeyFile() {
    return null;
  }

  /** Returns what TLS trusts and presents, or {@code null} for what the servers' URLs say. */
  default @Nullable SslBundle getSslBundle() {
    return null;
  }
}
