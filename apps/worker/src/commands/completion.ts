import { ConfigurationError } from "@lovage/core/contracts";
import type { Command } from "commander";
import { EXIT, type ExitCode } from "../exit-codes.ts";
import { printLine } from "../output/print.ts";

interface Words {
  /** `queue stats` */
  readonly path: string;
  readonly words: readonly string[];
}

function visible(command: Command): readonly Command[] {
  return command.createHelp().visibleCommands(command);
}

/** What may follow each command: its subcommands and long options. */
function wordsOf(command: Command, path: readonly string[] = []): readonly Words[] {
  const subcommands = visible(command).filter((child) => child.name() !== "help");
  const options = command.createHelp().visibleOptions(command);
  const words = [
    ...subcommands.map((child) => child.name()),
    ...options.flatMap((option) => (option.long === undefined ? [] : [option.long])),
  ];
  return [{ path: path.join(" "), words }, ...subcommands.flatMap((child) => wordsOf(child, [...path, child.name()]))];
}

function bash(all: readonly Words[]): string {
  const cases = all.map(({ path, words }) => `    "${path}") words="${words.join(" ")}" ;;`).join("\n");
  return `_lovage() {
  local current="\${COMP_WORDS[COMP_CWORD]}" path="" word words=""
  for word in "\${COMP_WORDS[@]:1:COMP_CWORD-1}"; do
    case "$word" in -*) break ;; esac
    case "\${path:+$path }$word" in
${all
  .filter(({ path }) => path !== "")
  .map(({ path }) => `      "${path}") path="${path}" ;;`)
  .join("\n")}
    esac
  done
  case "$path" in
${cases}
  esac
  COMPREPLY=($(compgen -W "$words" -- "$current"))
  if [ \${#COMPREPLY[@]} -eq 0 ]; then COMPREPLY=($(compgen -f -- "$current")); fi
}
complete -o filenames -F _lovage lovage`;
}

function zsh(all: readonly Words[]): string {
  return `#compdef lovage
autoload -U +X bashcompinit && bashcompinit
${bash(all)}`;
}

function fish(all: readonly Words[]): string {
  const lines = all.flatMap(({ path, words }) => {
    const [first, second] = path.split(" ");
    const seen =
      path === ""
        ? "__fish_use_subcommand"
        : second === undefined
          ? `__fish_seen_subcommand_from ${first}`
          : `__fish_seen_subcommand_from ${first}; and __fish_seen_subcommand_from ${second}`;
    return words.map((word) =>
      word.startsWith("--")
        ? `complete -c lovage -n '${seen}' -l ${word.slice(2)}`
        : `complete -c lovage -n '${seen}' -a ${word}`,
    );
  });
  return lines.join("\n");
}

const MAKERS: Readonly<Record<string, (all: readonly Words[]) => string>> = { bash, zsh, fish };

/** Prints a completion script made from the commands themselves. */
export function completion(shell: string, program: Command): ExitCode {
  const make = MAKERS[shell];
  if (make === undefined)
    throw new ConfigurationError(`no completion for "${shell}"; there is ${Object.keys(MAKERS).join(", ")}`);
  printLine(make(wordsOf(program)));
  return EXIT.ok;
}
