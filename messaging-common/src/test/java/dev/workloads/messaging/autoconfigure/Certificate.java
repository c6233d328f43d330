package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.security.GeneralSecurityException;
import java.security.KeyStore;
import java.util.Base64;
import java.util.concurrent.TimeUnit;

/**
 * A key and its self-signed certificate, made by the JDK's keytool.
 *
 * @param certificate the file with the certificate, as PEM
 * @param key the file with the key, as PEM
 */
record Certificate(Path certificate, Path key) {

  private static final char[] PASSWORD = "changeit".toCharArray();

  /** Makes a certificate for a host, named as keytool names them: {@code ip:127.0.0.1} or {@code dns:localhost}. */
  static Certificate of(Path directory, String name, String host) throws IOException, GeneralSecurityException {
    Path store = directory.resolve(name + ".p12");
    Process keytool = new ProcessBuilder(Path.of(System.getProperty("java.home"), "bin", "keytool").toString(),
        "-genkeypair", "-keyalg", "EC", "-groupname", "secp256r1", "-alias", "it", "-dname", "CN=" + name,
        "-validity", "2", "-ext", "san=" + host, "-storetype", "PKCS12", "-storepass", new String(PASSWORD),
        "-keystore", store.toString()).redirectErrorStream(true)
        .redirectOutput(directory.resolve(name + ".log").toFile()).start();
    assertThat(keytool.onExit().orTimeout(30, TimeUnit.SECONDS).join().exitValue()).isZero();
    KeyStore keys = KeyStore.getInstance("PKCS12");
    try (InputStream in = Files.newInputStream(store)) {
      keys.load(in, PASSWORD);
    }
    return new Certificate(
        pem(directory.resolve(name + ".crt"), "CERTIFICATE", keys.getCertificate("it").getEncoded()),
        pem(directory.resolve(name + ".key"), "PRIVATE KEY", keys.getKey("it", PASSWORD).getEncoded()));
  }

  private static Path pem(Path file, String type, byte[] content) throws IOException {
    return Files.writeString(file, "-----BEGIN " + type + "-----\n"
        + Base64.getMimeEncoder(64, "\n".getBytes(StandardCharsets.US_ASCII)).encodeToString(content)
        + "\n-----END " + type + "-----\n");
  }
}
