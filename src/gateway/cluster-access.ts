/**
 * What the gateway needs of the broker that it is the front of.
 * Runs on: main. Touches: types only.
 */
import type { Uuid } from '../../native-free-core/bytes/uuid.js'
import type { MetadataCommand } from '../../native-free-core/metadata/metadata-command.js'
import type { MetadataImage } from '../../native-free-core/metadata/metadata-image.js'
import type { CommandValue } from '../../native-free-core/metadata/metadata-state.js'
import type {
  AlterBrokerConfigRequest,
  AlterBrokerConfigResponse,
  BrokerConfigEntry,
} from '../../native-free-core/protocol/codecs.generated.js'

export interface ClusterAccess {
  readonly brokerId: number
  /** The metadata in force; a new object with every change. */
  image(): MetadataImage
  /** Changes metadata; resolves when every shard has applied it. Throws StreamBusError. */
  change(command: MetadataCommand): Promise<CommandValue>
  newTopicId(): Uuid
  /** Never given out twice. */
  nextProducerId(): Promise<number>
  /** The document of ClusterStatus. */
  status(): Readonly<Record<string, unknown>>
  /** No keys: all. Throws INVALID_CONFIG. */
  describeConfig(keys: readonly string[]): readonly BrokerConfigEntry[]
  /** `who`: for the log. Throws INVALID_CONFIG, and then nothing has changed. */
  alterConfig(request: AlterBrokerConfigRequest, who: string): AlterBrokerConfigResponse
  /** Where clients reach this broker, before it is in the image. */
  address(): { readonly host: string; readonly port: number }
}
