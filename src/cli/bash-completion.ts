/**
 * The completion script for bash. Words go to the program as arguments and are never evaluated: Tab runs nothing that
 * is on the line. It needs bash alone, not the package bash-completion.
 * Runs on: main. Touches: nothing.
 */

/** `name`: what is typed; bash finds it in the PATH. `:4` ends a list without files, `:0` asks for files. */
export function bashScript(name: string): string {
  const complete = `_${name.replaceAll('-', '_')}_complete`
  return `# bash completion for ${name}
${complete}() {
    local line
    COMPREPLY=()
    while IFS= read -r line; do
        case "$line" in
            :4) compopt +o default +o bashdefault ;;
            :*) ;;
            *) COMPREPLY+=("\${line%%$'\\t'*}") ;;
        esac
    done < <(${name} complete -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null)
}
complete -o bashdefault -o default -F ${complete} ${name}
`
}
