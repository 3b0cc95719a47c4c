import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { after } from 'node:test'
import { freePort } from '../../deploy/central/ports.ts'
import { type OwnCentral, ownCentral } from './central.ts'
import { Authority, type Certificate } from './certificates.ts'
import { kafkaTool } from './kafka-tool.ts'

/** A user of the secured broker, and a secret that no log may ever hold. */
export const USER = { name: 'truck-user', password: 'pa55-never-in-a-log' }

export interface SecuredCentral {
  /** Its `bootstrap` asks for nothing and may do everything: for the test's own preparations. */
  readonly central: OwnCentral
  /** PLAIN, SCRAM and OAUTHBEARER over plain TCP. */
  readonly sasl: string
  /** TLS that asks for the client's certificate, and the same with an expired one of its own. */
  readonly mtls: string
  readonly expiredTls: string
  readonly authority: Authority
  /** Folder for files of the test; goes after it. */
  readonly dir: string
  readonly client: Certificate
}

/** Starts a broker that lets in who can prove who they are, and lets them do what ACLs say. */
export async function securedCentral(): Promise<SecuredCentral> {
  const dir = await mkdtemp(join(tmpdir(), 'milepost-secured-'))
  after(() => rm(dir, { recursive: true, force: true }))
  const authority = await Authority.make(dir)
  const server = await authority.sign('broker')
  const expired = await authority.sign('broker-expired', { days: -1 })
  const client = await authority.sign(USER.name)
  const [sasl, mtls, old] = [await freePort(), await freePort(), await freePort()]
  const listeners = [
    `SASL://127.0.0.1:${sasl}`,
    `MTLS://127.0.0.1:${mtls}`,
    `OLD://127.0.0.1:${old}`,
  ]
  const modules = 'org.apache.kafka.common.security'
  const tls = (name: string, { both }: Certificate) => [
    `listener.name.${name}.ssl.keystore.type=PEM`,
    `listener.name.${name}.ssl.keystore.location=${both}`,
    `listener.name.${name}.ssl.truststore.type=PEM`,
    `listener.name.${name}.ssl.truststore.location=${authority.file}`,
    `listener.name.${name}.ssl.client.auth=required`,
  ]
  const extraProperties = [
    `listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},${listeners},CONTROLLER://127.0.0.1:\${controllerPort}`,
    `advertised.listeners=PLAINTEXT://127.0.0.1:\${kafkaPort},${listeners}`,
    'listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL:SASL_PLAINTEXT,MTLS:SSL,OLD:SSL,CONTROLLER:PLAINTEXT',
    'inter.broker.listener.name=PLAINTEXT',
    'sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-256,SCRAM-SHA-512,OAUTHBEARER',
    `listener.name.sasl.plain.sasl.jaas.config=${modules}.plain.PlainLoginModule required user_${USER.name}="${USER.password}";`,
    ...['scram-sha-256', 'scram-sha-512'].map(
      (name) =>
        `listener.name.sasl.${name}.sasl.jaas.config=${modules}.scram.ScramLoginModule required;`,
    ),
    `listener.name.sasl.oauthbearer.sasl.jaas.config=${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
    ...tls('mtls', server),
    ...tls('old', expired),
    'ssl.principal.mapping.rules=RULE:^CN=(.*?)$/$1/',
    'authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer',
    'super.users=User:ANONYMOUS',
    'allow.everyone.if.no.acl.found=false',
  ].join('\n')
  const central = await ownCentral({ tier: 'local', extraProperties })
  // The tool takes one mechanism at a time.
  for (const mechanism of ['SCRAM-SHA-256', 'SCRAM-SHA-512']) {
    await kafkaTool(
      'kafka.admin.ConfigCommand',
      ...['--bootstrap-server', central.bootstrap, '--alter', '--entity-type', 'users'],
      ...['--entity-name', USER.name],
      ...['--add-config', `${mechanism}=[password=${USER.password}]`],
    )
  }
  const at = (port: number) => `127.0.0.1:${port}`
  return {
    ...{ central, authority, dir, client },
    ...{ sasl: at(sasl), mtls: at(mtls), expiredTls: at(old) },
  }
}
