// Drives Apache Kafka from one warm JVM: a command a line on stdin, an answer of one line of JSON on stdout. It runs
// Kafka's own producer tool, and loops of its own with Kafka's own client where the tool measures too coarsely (whole
// milliseconds, counted from the call) or needs a consumer group first. Ends when stdin does.
// java -cp 'JARS/*' KafkaDriver.java BOOTSTRAP
// A command: VERB and name=value, separated by tabs.
import java.io.BufferedReader;
import java.io.ByteArrayOutputStream;
import java.io.InputStreamReader;
import java.io.PrintStream;
import java.time.Duration;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.HashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Properties;
import java.util.Random;
import java.util.concurrent.atomic.AtomicLong;
import java.util.concurrent.locks.LockSupport;
import org.apache.kafka.clients.admin.Admin;
import org.apache.kafka.clients.admin.NewTopic;
import org.apache.kafka.clients.consumer.ConsumerRecord;
import org.apache.kafka.clients.consumer.KafkaConsumer;
import org.apache.kafka.clients.producer.KafkaProducer;
import org.apache.kafka.clients.producer.ProducerRecord;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.serialization.ByteArrayDeserializer;
import org.apache.kafka.common.serialization.ByteArraySerializer;
import org.apache.kafka.common.utils.Exit;

public class KafkaDriver {
  static String bootstrap;

  public static void main(String[] args) throws Exception {
    bootstrap = args[0];
    PrintStream answers = System.out;
    ByteArrayOutputStream printed = new ByteArrayOutputStream();
    System.setOut(new PrintStream(printed, true));
    Exit.setExitProcedure((code, message) -> { throw new IllegalStateException("the tool ended with " + code + ": " + message); });
    BufferedReader commands = new BufferedReader(new InputStreamReader(System.in));
    try (Admin admin = Admin.create(Map.of("bootstrap.servers", bootstrap))) {
      for (String line; (line = commands.readLine()) != null; ) {
        printed.reset();
        String answer;
        try {
          answer = run(admin, line.split("\t"), printed);
        } catch (Throwable failure) {
          Throwable cause = failure.getCause() == null ? failure : failure.getCause();
          answer = "{\"error\":\"" + escaped(cause + " " + tail(printed)) + "\"}";
        }
        answers.println(answer);
        answers.flush();
      }
    }
  }

  static String run(Admin admin, String[] words, ByteArrayOutputStream printed) throws Exception {
    Map<String, String> given = new HashMap<>();
    for (int i = 1; i < words.length; i++) {
      int at = words[i].indexOf('=');
      given.put(words[i].substring(0, at), words[i].substring(at + 1));
    }
    switch (words[0]) {
      case "create": return create(admin, given);
      case "delete": admin.deleteTopics(List.of(given.get("topic"))).all().get(); return "{}";
      case "produce": return produce(given, printed);
      case "rate": return rate(given);
      case "consume": return consume(given);
      case "one": return one(given);
      default: throw new IllegalArgumentException("no verb " + words[0]);
    }
  }

  static String create(Admin admin, Map<String, String> given) throws Exception {
    Map<String, String> configs = new HashMap<>(Map.of("file.delete.delay.ms", "500"));
    if (given.get("synced").equals("yes")) configs.put("flush.messages", "1");
    NewTopic topic = new NewTopic(given.get("topic"), Integer.parseInt(given.get("partitions")), (short) 1);
    admin.createTopics(List.of(topic.configs(configs))).all().get();
    return "{}";
  }

  /** Kafka's own tool; what it prints is the answer. */
  static String produce(Map<String, String> given, ByteArrayOutputStream printed) throws Exception {
    List<String> args = new ArrayList<>(List.of("--bootstrap-server", bootstrap, "--topic", given.get("topic"),
      "--throughput", "-1", "--num-records", given.get("records"), "--warmup-records", given.get("warmUpRecords"),
      "--payload-file", given.get("payloads"), "--reporting-interval", "100000", "--command-property", "acks=all",
      "batch.size=" + given.get("batchBytes"), "linger.ms=" + given.get("lingerMs")));
    var tool = Class.forName("org.apache.kafka.tools.ProducerPerformance").getMethod("main", String[].class);
    tool.invoke(null, (Object) args.toArray(new String[0]));
    return "{\"printed\":\"" + escaped(printed.toString()) + "\"}";
  }

  static KafkaProducer<byte[], byte[]> producer(Map<String, String> given) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("acks", "all");
    settings.put("linger.ms", "0");
    return new KafkaProducer<>(settings, new ByteArraySerializer(), new ByteArraySerializer());
  }

  static byte[][] payloads(Map<String, String> given) {
    byte[][] payloads = new byte[1000][Integer.parseInt(given.get("recordBytes"))];
    Random random = new Random(7);
    for (byte[] payload : payloads) random.nextBytes(payload);
    return payloads;
  }

  /** Records are due in steps of 1 ms; latency counts from then, whatever the broker does. */
  static String rate(Map<String, String> given) throws Exception {
    String topic = given.get("topic");
    int partitions = Integer.parseInt(given.get("partitions"));
    int perStep = Integer.parseInt(given.get("rate")) / 1000;
    int warm = (int) (Double.parseDouble(given.get("warmUpSeconds")) * 1000) * perStep;
    int total = warm + (int) (Double.parseDouble(given.get("seconds")) * 1000) * perStep;
    byte[][] payloads = payloads(given);
    long[] latencies = new long[total];
    AtomicLong failed = new AtomicLong();
    long tookNs;
    try (var producer = producer(given)) {
      producer.send(new ProducerRecord<>(topic, 0, null, payloads[0])).get();
      long start = System.nanoTime();
      for (int sent = 0; sent < total; ) {
        long due = start + (long) (sent / perStep) * 1_000_000L;
        long wait = due - System.nanoTime();
        if (wait > 0) { LockSupport.parkNanos(wait); continue; }
        for (int n = 0; n < perStep; n++, sent++) {
          final int index = sent;
          producer.send(new ProducerRecord<>(topic, sent % partitions, null, payloads[index % 1000]), (meta, error) -> {
            if (error != null) failed.incrementAndGet();
            latencies[index] = System.nanoTime() - due;
          });
        }
      }
      producer.flush();
      tookNs = System.nanoTime() - start;
    }
    String text = percentiles(Arrays.copyOfRange(latencies, warm, total));
    return String.format(Locale.ROOT, "{\"records\":%d,\"counted\":%d,\"failed\":%d,\"seconds\":%.4f,\"latency\":%s}",
      total, total - warm, failed.get(), tookNs / 1e9, text);
  }

  static KafkaConsumer<byte[], byte[]> consumer(Map<String, String> more) {
    Properties settings = new Properties();
    settings.put("bootstrap.servers", bootstrap);
    settings.put("enable.auto.commit", "false");
    settings.putAll(more);
    return new KafkaConsumer<>(settings, new ByteArrayDeserializer(), new ByteArrayDeserializer());
  }

  /** The settings are those of Kafka's consumer tool, but for more records a poll. From the start again at the end. */
  static String consume(Map<String, String> given) throws Exception {
    var settings = Map.of("check.crcs", "false", "receive.buffer.bytes", "2097152", "max.partition.fetch.bytes", "1048576",
      "max.poll.records", "5000");
    List<TopicPartition> partitions = List.of(new TopicPartition(given.get("topic"), 0));
    long warmNs = (long) (Double.parseDouble(given.get("warmUpSeconds")) * 1e9);
    long measuredNs = (long) (Double.parseDouble(given.get("seconds")) * 1e9);
    try (var consumer = consumer(settings)) {
      consumer.assign(partitions);
      consumer.seekToBeginning(partitions);
      long end = consumer.endOffsets(partitions).get(partitions.get(0));
      long start = 0, all = 0, records = 0, bytes = 0;
      for (long begin = System.nanoTime(), now = begin; start == 0 || now - start < measuredNs; now = System.nanoTime()) {
        if (start == 0 && now - begin >= warmNs) { start = now; records = 0; bytes = 0; }
        for (ConsumerRecord<byte[], byte[]> record : consumer.poll(Duration.ofSeconds(1))) {
          records++;
          all++;
          bytes += record.value().length;
        }
        if (consumer.position(partitions.get(0)) >= end) consumer.seekToBeginning(partitions);
      }
      double seconds = (System.nanoTime() - start) / 1e9;
      return String.format(Locale.ROOT, "{\"records\":%d,\"counted\":%d,\"bytes\":%d,\"seconds\":%.4f}", all, records, bytes, seconds);
    }
  }

  /** The next record is sent when the last was delivered. */
  static String one(Map<String, String> given) throws Exception {
    String topic = given.get("topic");
    List<TopicPartition> partitions = List.of(new TopicPartition(topic, 0));
    byte[][] payloads = payloads(given);
    long warmNs = (long) (Double.parseDouble(given.get("warmUpSeconds")) * 1e9);
    long measuredNs = (long) (Double.parseDouble(given.get("seconds")) * 1e9);
    long[] latencies = new long[2_000_000];
    int count = 0, all = 0;
    try (var producer = producer(given); var consumer = consumer(Map.of("auto.offset.reset", "latest"))) {
      producer.send(new ProducerRecord<>(topic, 0, null, payloads[0])).get();
      consumer.assign(partitions);
      consumer.seekToEnd(partitions);
      consumer.position(partitions.get(0));
      long begin = System.nanoTime();
      for (long now = begin; now - begin < warmNs + measuredNs && count < latencies.length; now = System.nanoTime()) {
        producer.send(new ProducerRecord<>(topic, 0, null, payloads[all % 1000]));
        int got = 0;
        while (got == 0) {
          got = consumer.poll(Duration.ofSeconds(10)).count();
          if (System.nanoTime() - now > 10_000_000_000L) throw new IllegalStateException("not delivered in 10 s");
        }
        all++;
        if (now - begin >= warmNs) latencies[count++] = System.nanoTime() - now;
      }
    }
    String text = percentiles(Arrays.copyOf(latencies, count));
    double seconds = measuredNs / 1e9;
    return String.format(Locale.ROOT, "{\"records\":%d,\"counted\":%d,\"failed\":0,\"seconds\":%.4f,\"latency\":%s}", all, count, seconds, text);
  }

  static String percentiles(long[] latencies) {
    Arrays.sort(latencies);
    double sum = 0;
    for (long one : latencies) sum += one;
    StringBuilder text = new StringBuilder("{\"count\":" + latencies.length);
    String[] names = {"p50Ms", "p90Ms", "p95Ms", "p99Ms", "p999Ms", "p9999Ms", "maxMs"};
    double[] shares = {0.5, 0.9, 0.95, 0.99, 0.999, 0.9999, 1};
    for (int i = 0; i < names.length; i++) {
      int at = Math.min(latencies.length - 1, (int) (latencies.length * shares[i]));
      text.append(String.format(Locale.ROOT, ",\"%s\":%.4f", names[i], latencies[at] / 1e6));
    }
    return text.append(String.format(Locale.ROOT, ",\"meanMs\":%.4f}", sum / latencies.length / 1e6)).toString();
  }

  static String tail(ByteArrayOutputStream printed) {
    String text = printed.toString();
    return text.substring(Math.max(0, text.length() - 500));
  }

  static String escaped(String text) {
    return text.replace("\\", "\\\\").replace("\"", "'").replaceAll("\\s+", " ");
  }
}
