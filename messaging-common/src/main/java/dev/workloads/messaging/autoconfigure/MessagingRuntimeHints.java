package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.nats.NatsDataPort;
import org.jspecify.annotations.Nullable;
import org.springframework.aot.hint.MemberCategory;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;

/** What a native image could not know: jnats makes its data port by name. */
final class MessagingRuntimeHints implements RuntimeHintsRegistrar {

  @Override
  public void registerHints(RuntimeHints hints, @Nullable ClassLoader classLoader) {
    hints.reflection().registerType(NatsDataPort.class, MemberCategory.INVOKE_PUBLIC_CONSTRUCTORS);
  }
}
