package dev.workloads.messaging;

/** Tells a handler that nobody takes the replies of its stream any more: there is no use in going on. */
public final class RequesterGoneException extends RuntimeException {

  private static final long serialVersionUID = 1L;

  public RequesterGoneException(String text) {
    super(text);
  }
}
