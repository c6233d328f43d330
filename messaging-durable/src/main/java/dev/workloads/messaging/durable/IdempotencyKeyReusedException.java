package dev.workloads.messaging.durable;

/**
 * A task was submitted with the key of another one, whose worker or payload differs, or which cannot be read. Nothing was
 * done.
 */
public final class IdempotencyKeyReusedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  IdempotencyKeyReusedException(String text) {
    super(text);
  }
}
