package dev.workloads.messaging.autoconfigure;

import java.nio.file.Path;
import java.util.List;
import org.jspecify.annotations.Nullable;
import org.springframework.boot.context.properties.source.InvalidConfigurationPropertyValueException;
import org.springframework.boot.ssl.NoSuchSslBundleException;
import org.springframework.boot.ssl.SslBundle;
import org.springframework.boot.ssl.SslBundles;

/** The connection details that {@link MessagingProperties} hold. */
record PropertiesNatsConnectionDetails(MessagingProperties.Nats properties, String defaultServer, SslBundles sslBundles)
    implements NatsConnectionDetails {

  @Override
  public List<String> getServers() {
    return properties.servers().isEmpty() ? List.of(defaultServer.split("\\s*,\\s*")) : properties.servers();
  }

  @Override
  public @Nullable String getUsername() {
    return properties.username();
  }

  @Override
  public @Nullable String getPassword() {
    return properties.password();
  }

  @Override
  public @Nullable String getToken() {
    return properties.token();
  }

  @Override
  public @Nullable Path getCredentialsFile() {
    return properties.credentialsFile();
  }

  @Override
  public @Nullable Path getNkeyFile() {
    return properties.nkeyFile();
  }

  @Override
  public @Nullable SslBundle getSslBundle() {
    String bundle = properties.ssl().bundle();
    if (bundle == null) {
      return null;
    }
    try {
      return sslBundles.getBundle(bundle);
    } catch (NoSuchSslBundleException e) {
      throw new InvalidConfigurationPropertyValueException("messaging.nats.ssl.bundle", bundle,
          "There is no SSL bundle of that name: define it under spring.ssl.bundle.");
    }
  }
}
