package dev.workloads.messaging.autoconfigure;

import static org.assertj.core.api.Assertions.assertThat;

import dev.workloads.messaging.annotation.NatsListener;
import dev.workloads.messaging.nats.NatsDataPort;
import org.junit.jupiter.api.Test;
import org.springframework.aot.hint.RuntimeHints;
import org.springframework.aot.hint.RuntimeHintsRegistrar;
import org.springframework.aot.hint.annotation.ReflectiveRuntimeHintsRegistrar;
import org.springframework.aot.hint.predicate.ReflectionHintsPredicates;
import org.springframework.aot.hint.predicate.RuntimeHintsPredicates;
import org.springframework.beans.factory.aot.AotServices;

class MessagingRuntimeHintsTests {

  private static final ReflectionHintsPredicates REFLECTION = RuntimeHintsPredicates.reflection();

  private final RuntimeHints hints = new RuntimeHints();

  @Test
  void dataPortIsMadeByJnats() throws NoSuchMethodException {
    AotServices.factories().load(RuntimeHintsRegistrar.class).forEach(registrar ->
        registrar.registerHints(hints, getClass().getClassLoader()));

    assertThat(REFLECTION.onConstructorInvocation(NatsDataPort.class.getConstructor())).accepts(hints);
  }

  @Test
  void listenerMethodIsCalledAndItsRecordsAreRead() throws NoSuchMethodException {
    new ReflectiveRuntimeHintsRegistrar().registerRuntimeHints(hints, Listener.class);

    assertThat(REFLECTION.onMethodInvocation(Listener.class.getDeclaredMethod("handle", Article.class))).accepts(hints);
    assertThat(REFLECTION.onMethodInvocation(Article.class, "title")).accepts(hints);
    assertThat(REFLECTION.onMethodInvocation(Summary.class, "text")).accepts(hints);
  }

  record Article(String title) {}

  record Summary(String text) {}

  static class Listener {

    @NatsListener(subjects = "a")
    Summary handle(Article article) {
      return new Summary(article.title());
    }
  }
}
