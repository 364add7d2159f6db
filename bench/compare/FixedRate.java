// Produces to Apache Kafka at a fixed rate with Kafka's own client; latency counts from when a record was due, in 1 ms
// steps, in microseconds (Kafka's tools report whole milliseconds and count from the call).
// java -cp 'JARS/*' FixedRate.java BOOTSTRAP TOPIC RATE WARM_SECONDS SECONDS SIZE
import java.util.Arrays;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.serialization.ByteArraySerializer;

public class FixedRate {
  public static void main(String[] args) throws Exception {
    String topic = args[1];
    int perTick = Integer.parseInt(args[2]) / 1000;
    int warm = Integer.parseInt(args[3]) * 1000 * perTick;
    int total = warm + Integer.parseInt(args[4]) * 1000 * perTick;
    byte[][] payloads = new byte[1000][Integer.parseInt(args[5])];
    Random random = new Random(7);
    for (byte[] payload : payloads) random.nextBytes(payload);
    Properties settings = new Properties();
    settings.put("bootstrap.servers", args[0]);
    settings.put("acks", "all");
    settings.put("linger.ms", "0");
    long[] latencies = new long[total];
    AtomicLong failed = new AtomicLong();
    var serializer = new ByteArraySerializer();
    try (var producer = new KafkaProducer<byte[], byte[]>(settings, serializer, serializer)) {
      producer.send(new ProducerRecord<>(topic, payloads[0])).get();
      long start = System.nanoTime();
      for (int sent = 0; sent < total; ) {
        long due = start + (long) (sent / perTick) * 1_000_000L;
        long wait = due - System.nanoTime();
        if (wait > 0) { java.util.concurrent.locks.LockSupport.parkNanos(wait); continue; }
        for (int n = 0; n < perTick; n++, sent++) {
          final int index = sent;
          producer.send(new ProducerRecord<>(topic, payloads[index % 1000]), (meta, error) -> {
            if (error != null) failed.incrementAndGet();
            latencies[index] = System.nanoTime() - due;
          });
        }
      }
    }
    long[] measured = Arrays.copyOfRange(latencies, warm, total);
    Arrays.sort(measured);
    System.out.printf(java.util.Locale.ROOT, "{\"p50Ms\":%.3f,\"p99Ms\":%.3f,\"p999Ms\":%.3f,\"failed\":%d}%n",
      at(measured, 0.5), at(measured, 0.99), at(measured, 0.999), failed.get());
  }

  static double at(long[] sorted, double share) {
    return sorted[Math.min(sorted.length - 1, (int) (sorted.length * share))] / 1e6;
  }
}
