package dev.workloads.messaging;

import java.util.List;
import org.jspecify.annotations.Nullable;

/**
 * What the two sides of a stream of replies say to each other.
 *
 * <pre>
 * requester                                        worker
 *     | request    Reply-Stream: 64,262144           |   to the worker's subject; reply-to stream-replies.{id}
 *     |---------------------------------------------&gt;|
 *     |                        keep-alive   Part: 0  |   at once, and every 10 s; reply-to stream-control.{group}.{id}
 *     |&lt;---------------------------------------------|
 *     |                        part         Part: n  |   from 1; with the same reply-to
 *     |&lt;---------------------------------------------|
 *     | grant      Reply-Stream: 32,131072           |   to stream-control: so many parts and bytes more
 *     |---------------------------------------------&gt;|
 *     |                        end      Part-End: n  |   or an error reply
 *     |&lt;---------------------------------------------|
 * </pre>
 *
 * <p>Instead of a grant, {@code Reply-Stream: cancel} ends the handler. So does the broker's status 503 to the reply-to of a
 * part: nobody listens any more.
 */
public final class StreamProtocol {

  /** The header by which a requester asks for a stream, grants more, or cancels. */
  public static final String STREAM_HEADER = "Reply-Stream";

  /** The header with the number of a part, from 1; 0 says that the worker is at work. */
  public static final String PART_HEADER = "Part";

  /** The header that ends a stream, with the number of its parts. */
  public static final String END_HEADER = "Part-End";

  /** The value of {@link #STREAM_HEADER} that tells the worker to stop. */
  public static final String CANCEL = "cancel";

  /** What the subjects begin with that parts are sent to. */
  public static final String REPLIES = "stream-replies.";

  /** What the subjects begin with that requesters send grants to. */
  public static final String CONTROL = "stream-control.";

  private static final String STATUS_HEADER = "Status";
  private static final String NO_RESPONDERS = "503";
  private static final long MOST = 1L << 40; // more makes no sense, and sums must not overflow

  private StreamProtocol() {}

  /**
   * How much may be sent. A part is sent while both are above 0; the bytes may go below.
   *
   * @param parts how many parts
   * @param bytes how many bytes of bodies
   */
  public record Credit(long parts, long bytes) {

    /** Returns what a header says, or {@code null} if it says no credit. */
    public static @Nullable Credit parse(@Nullable String header) {
      String[] numbers = String.valueOf(header).split(",", -1);
      try {
        Credit credit = numbers.length != 2 ? null
            : new Credit(Long.parseLong(numbers[0].trim()), Long.parseLong(numbers[1].trim()));
        return credit == null || !isGrant(credit.parts) || !isGrant(credit.bytes) ? null : credit;
      } catch (NumberFormatException e) {
        return null;
      }
    }

    private static boolean isGrant(long number) {
      return number >= 0 && number <= MOST;
    }

    /** Returns the sum, or as much as makes sense. */
    public Credit plus(Credit more) {
      return new Credit(Math.min(MOST, parts + more.parts), Math.min(MOST, bytes + more.bytes));
    }

    /** Returns what is left after a part. */
    public Credit minusPart(int size) {
      return new Credit(parts - 1, bytes - size);
    }

    /** Returns whether a part may be sent. */
    public boolean isEnough() {
      return parts > 0 && bytes > 0;
    }

    /** Returns the header's value. */
    public String header() {
      return parts + "," + bytes;
    }
  }

  /** Returns whether the broker itself says that nobody is subscribed to the subject of a message with this reply-to. */
  public static boolean isNoResponders(BrokerMessage message) {
    return message.body().length == 0 && List.of(NO_RESPONDERS).equals(message.headers().get(STATUS_HEADER));
  }

  /** Returns the status that tells a publisher, at the reply-to of its message, that nobody is subscribed to the subject. */
  public static BrokerMessage noResponders(String replyTo) {
    return new BrokerMessage(replyTo, new byte[0]).withHeader(STATUS_HEADER, NO_RESPONDERS);
  }

  /** Returns the subject on which the sender of a part hears, or {@code null} if the message names none. */
  static @Nullable String control(BrokerMessage part) {
    String replyTo = part.replyTo();
    return replyTo != null && replyTo.startsWith(CONTROL) ? replyTo : null;
  }

  /** Tells the sender of a part to stop, if it can be told. */
  static void cancel(MessageTransport transport, BrokerMessage part) {
    String control = control(part);
    if (control != null) {
      try {
        transport.publish(new BrokerMessage(control, new byte[0]).withHeader(STREAM_HEADER, CANCEL));
      } catch (BrokerException | IllegalArgumentException e) {
        // Its next part finds nobody, or it gets no more credit
      }
    }
  }

  /** Returns a header's number, or -1 if there is none. */
  static long number(BrokerMessage message, String header) {
    String value = message.header(header);
    try {
      return value == null ? -1 : Long.parseLong(value.trim());
    } catch (NumberFormatException e) {
      return -1;
    }
  }
}
