package dev.workloads.messaging.durable.autoconfigure;

import java.util.List;
import org.springframework.boot.autoconfigure.condition.ConditionOutcome;
import org.springframework.boot.autoconfigure.condition.SpringBootCondition;
import org.springframework.boot.context.properties.bind.Bindable;
import org.springframework.boot.context.properties.bind.Binder;
import org.springframework.context.annotation.ConditionContext;
import org.springframework.core.type.AnnotatedTypeMetadata;

/** Matches where durable tasks are enabled, or by default where there are subscriptions. */
class OnDurable extends SpringBootCondition {

  @Override
  public ConditionOutcome getMatchOutcome(ConditionContext context, AnnotatedTypeMetadata metadata) {
    boolean isMatch = isMatch(Binder.get(context.getEnvironment()));
    return new ConditionOutcome(isMatch, getClass().getSimpleName() + " is " + isMatch);
  }

  boolean isMatch(Binder binder) {
    return binder.bind("messaging.durable.enabled", Boolean.class).orElseGet(() -> hasSubscriptions(binder));
  }

  static boolean hasSubscriptions(Binder binder) {
    return !binder.bind("messaging.durable.subscriptions", Bindable.listOf(String.class)).orElse(List.of()).isEmpty();
  }

  /** Matches where the application takes durable tasks as well. */
  static final class OnSubscriptions extends OnDurable {

    @Override
    boolean isMatch(Binder binder) {
      return hasSubscriptions(binder);
    }
  }

  /** Matches unless what is missing must not be created. */
  static final class OnProvision extends OnDurable {

    @Override
    boolean isMatch(Binder binder) {
      return binder.bind("messaging.durable.provision", Boolean.class).orElse(true);
    }
  }
}
