/*
 * Prints bytes that Kafka's own classes write, as JSON: test/vectors/kafka-log.json was made with it.
 *
 *   javac -cp "JARS/*" -d OUT KafkaLogVectors.java && java -cp "JARS/*:OUT" KafkaLogVectors
 */
import java.io.File;
import java.nio.ByteBuffer;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.util.ArrayList;
import java.util.HexFormat;
import java.util.List;
import org.apache.kafka.common.TopicPartition;
import org.apache.kafka.common.compress.Compression;
import org.apache.kafka.common.header.Header;
import org.apache.kafka.common.header.internals.RecordHeader;
import org.apache.kafka.common.record.TimestampType;
import org.apache.kafka.common.record.internal.MemoryRecords;
import org.apache.kafka.common.record.internal.MemoryRecordsBuilder;
import org.apache.kafka.common.record.internal.RecordBatch;
import org.apache.kafka.common.record.internal.SimpleRecord;
import org.apache.kafka.common.utils.Time;
import org.apache.kafka.common.utils.Utils;
import org.apache.kafka.storage.internals.log.AppendOrigin;
import org.apache.kafka.storage.internals.log.LogOffsetMetadata;
import org.apache.kafka.storage.internals.log.ProducerStateManager;
import org.apache.kafka.storage.internals.log.ProducerStateManagerConfig;

public class KafkaLogVectors {
    static final List<String> lines = new ArrayList<>();

    public static void main(String[] args) throws Exception {
        for (String text : List.of("", "a", "ab", "abc", "21", "foobar", "a-little-bit-long-string", "\u00e9\u4e2d")) {
            byte[] bytes = utf8(text);
            lines.add("    {\"hex\": \"" + hex(bytes) + "\", \"murmur2\": " + Utils.murmur2(bytes)
                + ", \"partitionOf7\": " + Utils.toPositive(Utils.murmur2(bytes)) % 7 + "}");
        }
        print("murmur2", ",");
        batch("one record", -1, -1, -1, record(1700000000000L, "key", "value"));
        batch("nulls and empties", -1, -1, -1, record(5, null, null), record(5, "", ""), record(4, "k", null));
        batch("headers", -1, -1, -1, new SimpleRecord(7, utf8("k"), utf8("v"),
            new Header[] {new RecordHeader("a", utf8("1")), new RecordHeader("\u00e9", null)}));
        batch("idempotent", 4123456789L, 3, 2147483646,
            record(10, "a", "1"), record(12, "b", "2"), record(11, "c", "3"));
        batch("far apart in time", -1, -1, -1,
            record(0, "a", "b"), record(9007199254740991L, "c", "d"), record(1, "e", "f"));
        print("batches", ",");
        snapshot();
        print("producerSnapshot", "");
        System.out.println("}");
    }

    static void print(String name, String after) {
        System.out.println((name.equals("murmur2") ? "{\n" : "") + "  \"" + name + "\": [\n" + String.join(",\n", lines)
            + "\n  ]" + after);
        lines.clear();
    }

    static SimpleRecord record(long timestamp, String key, String value) {
        return new SimpleRecord(timestamp, key == null ? null : utf8(key), value == null ? null : utf8(value));
    }

    static void batch(String name, long producerId, int epoch, int sequence, SimpleRecord... records) {
        MemoryRecordsBuilder builder = MemoryRecords.builder(ByteBuffer.allocate(4096), RecordBatch.CURRENT_MAGIC_VALUE,
            Compression.NONE, TimestampType.CREATE_TIME, 0L, -1L, producerId, (short) epoch, sequence, false, -1);
        for (SimpleRecord record : records) builder.append(record);
        ByteBuffer bytes = builder.build().buffer();
        lines.add("    {\"name\": \"" + name + "\", \"hex\": \"" + hex(Utils.toArray(bytes)) + "\"}");
    }

    static void snapshot() throws Exception {
        File folder = Files.createTempDirectory("vectors").toFile();
        ProducerStateManager manager = new ProducerStateManager(new TopicPartition("t", 0), folder, 900000,
            new ProducerStateManagerConfig(86400000, false), Time.SYSTEM);
        append(manager, 9, 2, 0, 4, 100, 1700000000001L);
        append(manager, 9, 2, 5, 5, 105, 1700000000002L);
        append(manager, 70000000000L, 0, 2147483647, 0, 106, 1700000000003L);
        manager.updateMapEndOffset(108);
        manager.takeSnapshot();
        byte[] bytes = Files.readAllBytes(new File(folder, "00000000000000000108.snapshot").toPath());
        lines.add("    \"" + hex(bytes) + "\"");
    }

    static void append(
            ProducerStateManager manager, long id, int epoch, int first, int last, long offset, long time) {
        var info = manager.prepareUpdate(id, AppendOrigin.CLIENT);
        int delta = last >= first ? last - first : 1;
        info.appendDataBatch(
            (short) epoch, first, last, time, new LogOffsetMetadata(offset), offset + delta, false);
        manager.update(info);
    }

    static byte[] utf8(String text) {
        return text.getBytes(StandardCharsets.UTF_8);
    }

    static String hex(byte[] bytes) {
        return HexFormat.of().formatHex(bytes);
    }
}
