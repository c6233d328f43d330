package dev.workloads.messaging.testing;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Objects;
import org.springframework.beans.factory.BeanFactory;
import org.springframework.beans.factory.support.DefaultListableBeanFactory;
import org.springframework.boot.diagnostics.FailureAnalyzer;
import org.springframework.boot.test.context.runner.ApplicationContextRunner;
import org.springframework.core.env.Environment;
import org.springframework.core.io.support.SpringFactoriesLoader;

/** A start that a mistake stops. */
public final class FailedStart {

  private FailedStart() {}

  /** Returns what is shown of it: what is wrong, and what to do. */
  public static String report(ApplicationContextRunner runner) {
    StringBuilder report = new StringBuilder();
    Environment[] environment = new Environment[1];
    runner.withInitializer(context -> environment[0] = context.getEnvironment()).run(context -> {
      assertThat(context).hasFailed();
      SpringFactoriesLoader.forDefaultResourceLocation().load(FailureAnalyzer.class,
              SpringFactoriesLoader.ArgumentResolver.of(Environment.class, environment[0])
                  .and(BeanFactory.class, new DefaultListableBeanFactory()), (type, name, failure) -> { })
          .stream().map(analyzer -> analyzer.analyze(context.getStartupFailure())).filter(Objects::nonNull).findFirst()
          .ifPresent(analysis -> report.append(analysis.getDescription()).append(' ').append(analysis.getAction()));
    });
    return report.toString();
  }
}
