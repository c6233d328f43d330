package dev.workloads.messaging.autoconfigure;

import dev.workloads.messaging.BrokerMessageHandler;
import dev.workloads.messaging.listener.ListenerSettings;

/** What a listener container is made of. */
record ConfiguredListener(ListenerSettings settings, BrokerMessageHandler handler) {}
