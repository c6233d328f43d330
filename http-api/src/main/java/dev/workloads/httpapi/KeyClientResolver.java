package dev.workloads.httpapi;

import dev.workloads.messaging.InvalidConfigurationException;
import jakarta.servlet.http.HttpServletRequest;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.util.Collections;
import java.util.HashMap;
import java.util.HexFormat;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Knows clients by their keys, of which it holds the SHA-256 only (Bearer tokens, RFC 6750). The table is searched by the first
 * bytes of a hash, which nobody can choose, and whole hashes are compared in constant time.
 */
final class KeyClientResolver implements ClientResolver {

  private static final String SCHEME = "Bearer ";
  private static final String HASH = "[0-9a-fA-F]{64}";

  private final Map<Long, Key> keys = new HashMap<>();

  private record Key(byte[] sha256, String client) {}

  /**
   * Creates a resolver.
   *
   * @throws InvalidConfigurationException if a client has no key, a hash is malformed, or two clients have the same; the text
   *     holds no hash, since a key may stand where its hash belongs
   */
  KeyClientResolver(Map<String, TaskProperties.Client> clients) {
    clients.forEach((name, client) -> {
      if (client.keySha256().isEmpty()) {
        throw invalid(name, "is missing, so nobody can be the client.");
      }
      client.keySha256().forEach(hash -> add(name, hash));
    });
  }

  private void add(String client, String hash) {
    if (!hash.matches(HASH)) {
      throw invalid(client, "holds something other than 64 hex digits.");
    }
    byte[] sha256 = HexFormat.of().parseHex(hash);
    Key other = keys.put(start(sha256), new Key(sha256, client));
    if (other != null) {
      throw invalid(client, "holds a key that " + (other.client().equals(client) ? "stands there already."
          : "task.clients." + other.client() + " has as well."));
    }
  }

  private static InvalidConfigurationException invalid(String client, String fault) {
    return new InvalidConfigurationException("task.clients." + client + ".key-sha256 " + fault,
        "Give each client the SHA-256 of keys of its own: printf %s \"$KEY\" | openssl dgst -sha256 -r");
  }

  @Override
  public Optional<String> resolve(HttpServletRequest request) {
    List<String> credentials = Collections.list(request.getHeaders("Authorization"));
    if (credentials.size() != 1 || !credentials.get(0).regionMatches(true, 0, SCHEME, 0, SCHEME.length())) {
      return Optional.empty();
    }
    byte[] key = credentials.get(0).substring(SCHEME.length()).strip().getBytes(StandardCharsets.ISO_8859_1); // as it came
    byte[] sha256 = Sha256.digest().digest(key);
    Key known = keys.get(start(sha256));
    return known != null && MessageDigest.isEqual(known.sha256(), sha256) ? Optional.of(known.client()) : Optional.empty();
  }

  private static long start(byte[] sha256) {
    return ByteBuffer.wrap(sha256).getLong();
  }
}
