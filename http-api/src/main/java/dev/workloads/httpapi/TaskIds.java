package dev.workloads.httpapi;

import static java.nio.charset.StandardCharsets.UTF_8;

import dev.workloads.messaging.InvalidConfigurationException;
import java.security.GeneralSecurityException;
import java.util.Base64;
import javax.crypto.Mac;
import javax.crypto.spec.SecretKeySpec;
import org.jspecify.annotations.Nullable;

/** Makes the ids of tasks that have an idempotency key. Each client has keys of its own. */
final class TaskIds {

  private static final String HMAC = "HmacSHA256";
  private static final int SHORTEST_SECRET = 16;

  private final @Nullable SecretKeySpec secret;

  /**
   * Creates the maker of ids.
   *
   * @param secret what nobody can make an id without, or {@code null} if whoever knows client and key may
   * @throws InvalidConfigurationException if the secret is short enough to be guessed
   */
  TaskIds(@Nullable String secret) {
    if (secret != null && secret.length() < SHORTEST_SECRET) {
      throw new InvalidConfigurationException("task.durable.id-secret has fewer than " + SHORTEST_SECRET + " characters.",
          "Make one that nobody guesses: openssl rand -base64 32");
    }
    this.secret = secret == null ? null : new SecretKeySpec(secret.getBytes(UTF_8), HMAC);
  }

  /**
   * Returns the id for a key.
   *
   * @param client the client's name, or {@code null} if clients have no names
   */
  String id(@Nullable String client, String key) {
    String name = client == null && secret == null ? "" : (client == null ? "" : client) + "\n";
    return Base64.getUrlEncoder().withoutPadding().encodeToString(hash((name + key).getBytes(UTF_8)));
  }

  private byte[] hash(byte[] text) {
    if (secret == null) {
      return Sha256.digest().digest(text);
    }
    try {
      Mac mac = Mac.getInstance(HMAC);
      mac.init(secret);
      return mac.doFinal(text);
    } catch (GeneralSecurityException e) {
      throw new IllegalStateException("every JDK has " + HMAC, e);
    }
  }
}
