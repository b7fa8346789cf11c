# SPDX-License-Identifier: Apache-2.0
# Completion of tldctl(1) for bash.

_tldctl() {
  local cur prev words cword split
  _init_completion -s -n : || return

  local commands='check test replay hunt list audit-rules doctor reload status'
  local list_commands='show get add remove compile check'
  local common='--help --conf --rules --lists --json --color --version'
  local fields='data.audit.auid data.audit.command data.audit.cwd data.audit.exe data.audit.execve.a0
    data.audit.execve.a1 data.audit.key data.audit.program data.audit.session data.audit.tty
    data.audit.type data.audit.uid rule.description rule.groups rule.id rule.level rule.mitre.id
    rule.mitre.tactic'

  case $prev in
    --conf | --file | --html) _filedir; return ;;
    --rules) _filedir xml; return ;;
    --lists) _filedir -d; return ;;
    --color) COMPREPLY=($(compgen -W 'auto always never' -- "$cur")); return ;;
    --users) COMPREPLY=($(compgen -W 'all' -u -- "${cur##*,}")); return ;;
    --top) COMPREPLY=($(compgen -W "$fields" -- "$cur")); return ;;
    --level) COMPREPLY=($(compgen -W "$(seq 1 16)" -- "$cur")); return ;;
    --histogram) COMPREPLY=($(compgen -W '1m 10m 1h 1d' -- "$cur")); return ;;
    --since | --until) COMPREPLY=($(compgen -W 'today yesterday' -- "$cur")); return ;;
    --limit | --why) return ;;
  esac

  local command=${words[1]}
  if ((cword == 1)); then
    COMPREPLY=($(compgen -W "$commands --help --version" -- "$cur"))
    return
  fi
  local options=$common
  case $command in
    check) options+=' --strict --tree' ;;
    test) options+=' --verbose --why' ;;
    replay) options+=' --level' ;;
    hunt) options+=' --file --since --until --top --histogram --limit --follow --csv --html' ;;
    audit-rules) options+=' --users --install --remove' ;;
  esac
  if [[ $cur == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$cur"))
    return
  fi
  case $command in
    test | replay) _filedir ;;
    hunt)
      if [[ $cur == *:* ]]; then
        # Values that the store has; only plain ones are offered.
        COMPREPLY=($(compgen -P "${cur%%:*}:" -W "$(tldctl hunt --csv --limit 50 --top "${cur%%:*}" 2>/dev/null |
          command sed -n 's/^"\([A-Za-z0-9._\/-]*\)",.*/\1/p')" -- "${cur#*:}"))
      else
        compopt -o nospace
        COMPREPLY=($(compgen -S : -W "$fields" -- "$cur"))
      fi
      __ltrim_colon_completions "$cur"
      ;;
    list)
      case $cword in
        2) COMPREPLY=($(compgen -W "$list_commands" -- "$cur")) ;;
        3)
          local names
          names=$(command ls /etc/tld-audisp/lists /usr/share/tld-audisp/lists 2>/dev/null | command grep -v '[.:]')
          COMPREPLY=($(compgen -W "$names" -- "$cur"))
          ;;
        4)
          [[ ${words[2]} == get || ${words[2]} == remove ]] || return
          # Keys may be anything; only plain ones are offered.
          COMPREPLY=($(compgen -W "$(tldctl list show "${words[3]}" 2>/dev/null | command sed -n 's/^\([A-Za-z0-9._+-]*\):.*/\1/p')" -- "$cur"))
          ;;
        5)
          [[ ${words[2]} == add && ${words[3]} == suspicious-programs ]] &&
            COMPREPLY=($(compgen -W 'red orange yellow' -- "$cur"))
          ;;
      esac
      ;;
  esac
} &&
  complete -F _tldctl tldctl
