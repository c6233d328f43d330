package dev.workloads.messaging.durable;

/** A task was submitted with the key of another one, whose worker or payload differs. Nothing was done. */
public final class IdempotencyKeyReusedException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  IdempotencyKeyReusedException() {
    super("the idempotency key belongs to a task with another worker or payload");
  }
}
