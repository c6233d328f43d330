package dev.workloads.messaging.autoconfigure;

import io.nats.client.NKey;
import io.nats.client.Nats;
import io.nats.client.Options;
import java.io.IOException;
import java.net.URI;
import java.nio.file.Files;
import java.nio.file.Path;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.ssl.SslBundle;

/** Turns settings into the options of jnats. */
final class NatsOptions {

  private NatsOptions() {}

  static Options.Builder builder(NatsConnectionDetails details, MessagingProperties.Nats properties,
      @Nullable String connectionName) {
    details.getServers().forEach(NatsOptions::requireServer);
    Options.Builder options = new Options.Builder()
        .servers(details.getServers().toArray(String[]::new))
        .connectionName(connectionName)
        .inboxPrefix(properties.inboxPrefix())
        .connectionTimeout(properties.connectTimeout())
        .pingInterval(properties.pingInterval());
    login(options, details);
    SslBundle bundle = details.getSslBundle();
    if (bundle != null) {
      options.sslContext(bundle.createSslContext());
    }
    return options;
  }

  private static void requireServer(String server) {
    try {
      new Options.Builder().server(server);
      int port = URI.create(server.contains("://") ? server : "nats://" + server).getPort();
      if (port == 0 || port > 65_535) {
        throw new IllegalArgumentException("There is no such port");
      }
    } catch (IllegalArgumentException e) { // it is no cause of the new one: its message has the credentials
      // Spring Boot shows the raw value, credentials included, of what is exactly the name of a property
      throw new InvalidConfigurationPropertyValueException("messaging.nats.servers (or NATS_URL)", masked(server),
          "The value must be NATS URLs such as nats://localhost:4222, comma-separated, with host names of letters, digits,"
              + " hyphens and dots, and ports up to 65535.");
    }
  }

  private static String masked(String server) {
    return server.replaceFirst("^(\\w+://)?.*@", "$1") // a password may hold an @
        .replaceFirst(":(?!//|\\d+$).*", ":***"); // a comma in a password has ended the URL early
  }

  private static void login(Options.Builder options, NatsConnectionDetails details) {
    if (details.getCredentialsFile() != null) {
      options.authHandler(Nats.credentials(
          readable("messaging.nats.credentials-file", details.getCredentialsFile()).toString()));
    } else if (details.getNkeyFile() != null) {
      options.authHandler(Nats.staticCredentials(null, seed(details.getNkeyFile())));
    } else if (details.getToken() != null) {
      options.token(details.getToken().toCharArray());
    } else if (details.getUsername() != null) {
      options.userInfo(details.getUsername(), details.getPassword() == null ? "" : details.getPassword());
    }
  }

  private static char[] seed(Path file) {
    try {
      char[] seed = Files.readString(readable("messaging.nats.nkey-file", file)).trim().toCharArray();
      NKey.fromSeed(seed).clear();
      return seed;
    } catch (IllegalArgumentException | IOException e) {
      throw new InvalidConfigurationPropertyValueException("messaging.nats.nkey-file", file,
          "The file must hold an NKey seed, and nothing else.");
    }
  }

  private static Path readable(String property, Path file) {
    if (!Files.isReadable(file)) {
      throw new InvalidConfigurationPropertyValueException(property, file, "The file is not readable.");
    }
    return file;
  }
}
