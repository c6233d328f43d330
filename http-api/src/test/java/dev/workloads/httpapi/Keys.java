package dev.workloads.httpapi;

import static java.nio.charset.StandardCharsets.UTF_8;

import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;

/** Keys of clients. */
final class Keys {

  private Keys() {}

  /** Returns what a request with the key has. */
  static String header(String key) {
    return "Authorization: Bearer " + key;
  }

  /** Returns what settings have in place of the key. */
  static String sha256(String key) {
    return HexFormat.of().formatHex(hash(key));
  }

  static byte[] hash(String text) {
    try {
      return MessageDigest.getInstance("SHA-256").digest(text.getBytes(UTF_8));
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e);
    }
  }
}
