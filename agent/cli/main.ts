#!/usr/bin/env node
import { Command, CommanderError } from 'commander'
import { VERSION } from '../status.ts'
import { COMMANDS } from './commands.ts'
import { EXIT, fail } from './output.ts'
import { terminalColumns, wrappedText } from './wrap.ts'

async function main(argv: string[]): Promise<void> {
  const program = new Command('milepost')
    .description('Edge gateway agent for vehicles and depots.')
    .version(VERSION)
    .showSuggestionAfterError()
    .showHelpAfterError('(milepost --help tells what there is)')
    .addHelpText(
      'after',
      `
Examples:
  milepost run                                 a simulated vehicle, buffering, no Kafka needed
  milepost run -c milepost.yaml                the agent as configured
  milepost decode --dbc car.dbc drive.log      named, scaled values from a CAN log
  milepost history --topic milepost.telemetry  everything that reached Kafka

Exit codes: 0 done, 1 failed, 2 wrong usage or config, 130 stopped by Ctrl-C.`,
    )
  const wanted = argv.slice(2).find((word) => !word.startsWith('-'))
  for (const [name, [what, load]] of Object.entries(COMMANDS)) {
    if (name === wanted) program.addCommand((await load()).description(what))
    else program.command(name).description(what).allowUnknownOption()
  }
  for (const command of commandsOf(program)) {
    command.exitOverride()
    // Each command has its own word on this: commander hands none down.
    if (command !== program) {
      command.showSuggestionAfterError().showHelpAfterError(`Next: ${nameOf(command)} --help`)
    }
    const out = process.stdout
    command.configureOutput({
      writeOut: (text) => void out.write(wrappedText(text, terminalColumns(out))),
    })
  }
  try {
    await program.parseAsync(argv)
  } catch (error) {
    // It has told already; help and version are no errors.
    if (error instanceof CommanderError) process.exit(error.exitCode && EXIT.usage)
    throw error
  }
}

/** As it is typed: `milepost buffer import`. */
function nameOf(command: Command): string {
  return command.parent ? `${nameOf(command.parent)} ${command.name()}` : command.name()
}

function commandsOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap(commandsOf)]
}

main(process.argv).catch(fail)
