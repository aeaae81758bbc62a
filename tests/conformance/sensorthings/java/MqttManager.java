package de.fraunhofer.iosb.ilt.frostserver.mqtt;

import de.fraunhofer.iosb.ilt.frostserver.mqtt.subscription.SubscriptionEvent;
import de.fraunhofer.iosb.ilt.frostserver.mqtt.subscription.SubscriptionListener;
import java.lang.reflect.Field;
import java.util.concurrent.Executors;
import java.util.concurrent.ScheduledExecutorService;
import java.util.concurrent.TimeUnit;

/**
 * Stands before the class of this name of a server in the same process, which tells the suite when a subscription is live. Another
 * process cannot tell; after the time sta.settle (milliseconds) we say yes in its place. Without it every subscription waits 30 s.
 */
public final class MqttManager {

    private static final ScheduledExecutorService LATER = Executors.newSingleThreadScheduledExecutor(task -> {
        Thread thread = new Thread(task, "settle");
        thread.setDaemon(true);
        return thread;
    });

    private MqttManager() {
    }

    public static void addTestSubscriptionListener(SubscriptionListener listener) {
        String topic = topicOf(listener);
        LATER.schedule(() -> listener.onSubscribe(new SubscriptionEvent(topic)), Long.getLong("sta.settle", 0), TimeUnit.MILLISECONDS);
    }

    public static void removeTestSubscriptionListener(SubscriptionListener listener) {
        // nothing is kept
    }

    public static void clearTestSubscriptionListeners() {
        // nothing is kept
    }

    /** The listener is an inner class of the suite's client, which knows its topic. */
    private static String topicOf(SubscriptionListener listener) {
        try {
            Field outer = listener.getClass().getDeclaredField("this$0");
            outer.setAccessible(true);
            Object client = outer.get(listener);
            Field topic = client.getClass().getDeclaredField("topic");
            topic.setAccessible(true);
            return String.valueOf(topic.get(client));
        } catch (ReflectiveOperationException exception) {
            throw new IllegalStateException("The suite's MQTT client is built otherwise than expected", exception);
        }
    }
}
