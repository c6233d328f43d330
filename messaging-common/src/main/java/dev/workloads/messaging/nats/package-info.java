/**
 * The NATS transport, on jnats: {@code NatsTransport} asks {@code NatsConnector} for the current {@code NatsLink}, which is
 * one connection.
 *
 * <p>A move to another server, such as when the present one says that it is about to stop:
 *
 * <pre>
 *              move           0 s             + 0.5 s          + 60 s, and no request waits on the former link
 * former link  | in use ------| retired ------| drained -------| closed
 *              |              | receives      | sends replies  |
 * next link    | subscribes --| current: new requests, publishes and messages
 * </pre>
 *
 * <p>A subscription that would get each message twice meanwhile is drained on the former link before the next link has it.
 */
@NullMarked
package dev.workloads.messaging.nats;

import org.jspecify.annotations.NullMarked;
