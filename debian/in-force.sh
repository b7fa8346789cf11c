# What is in force on this machine, hand edits included. This text stands in the config script, which may
# run before the package is unpacked, in postinst and in prerm; so it needs nothing but sh, sed and awk.
plugin=/etc/audit/plugins.d/tld-audisp.conf
rules=/etc/audit/rules.d/40-tld-audisp.rules
settings=/etc/tld-audisp
own=$settings/conf.d/50-debconf.conf
list=$settings/lists/suspicious-programs
removed=/var/lib/tld-audisp/removed

# auditd splits the line at blanks and does not care for case. Another value than yes or no: no answer.
enable_now() {
  [ ! -e "$plugin" ] || [ -e "$removed" ] || awk '
    BEGIN { active = "no" }
    tolower($1) == "active" && $2 == "=" { active = tolower($3) }
    END { if (active == "yes") print "true"; else if (active == "no") print "false" }' "$plugin"
}

# FILE [MODE]: standard input takes its place; where it is a link, that of the file it leads to. Owner and mode
# of an existing one are kept.
replace() {
  target=$(readlink -f "$1")
  new=$target.dpkg-new
  cat >"$new"
  if [ -e "$target" ]; then
    chown --reference="$target" "$new"
    chmod --reference="$target" "$new"
  else
    chmod "${2:-644}" "$new"
  fi
  mv "$new" "$target"
}

# The one line of auditd's entry that scripts change.
set_active() { # yes|no
  awk -v value="$1" '
    tolower($0) ~ /^ *active *=/ { if (!done++) print "active = " value; next }
    { print }
    END { if (!done) print "active = " value }' "$plugin" | replace "$plugin"
}

# Whether our audit rules are there; no answer while the plugin is off, since they are taken away then.
audit_rules_now() {
  if [ -e "$rules" ]; then echo true; elif [ "$(enable_now)" = true ]; then echo false; fi
}

# The login users of our audit rules: "all", or numbers.
users_now() {
  [ ! -e "$rules" ] || awk '
    /^-a always,exit / {
      for (i = 1; i <= NF; i++) {
        if ($i == "auid>=1000") all = 1
        if ($i ~ /^auid=[0-9]+$/ && !seen[$i]++) users = users (users == "" ? "" : " ") substr($i, 6)
      }
    }
    END { print (all ? "all" : users) }' "$rules"
}

# The administrator's entries that fit on one line; those with quotes, blanks, backslashes or what the shell
# takes for a pattern are left alone. More than 40 are too many for a question.
programs_now() {
  [ ! -e "$list" ] || awk '
    { gsub(/\r/, ""); sub(/^[ \t]+/, ""); sub(/[ \t]+$/, ""); sub(/[ \t]*:[ \t]*/, ":") }
    /^#/ || /["\047, \t*?\\]|\[/ || !/^[^:]+(:[^:]*)?$/ { next }
    ++n <= 40 { line = line (n > 1 ? " " : "") $0 }
    END { print (n > 40 ? "" : line) }' "$list"
}
many_programs() {
  [ -e "$list" ] && awk '/^[ \t]*[^# \t]/ && ++n > 40 { exit } END { exit n <= 40 }' "$list"
}

# SECTION KEY DEFAULT [FILE]: the last value over all files but FILE.
setting_now() {
  wanted_section=$1 wanted_key=$2 value=$3
  for file in "$settings/tld-audisp.conf" "$settings"/conf.d/*.conf; do
    [ -f "$file" ] && [ "$file" != "${4:-}" ] || continue
    value=$(SECTION="$wanted_section" KEY="$wanted_key" VALUE="$value" awk '
      BEGIN { value = ENVIRON["VALUE"] }
      { sub(/^[ \t]+/, ""); sub(/[ \t\r]+$/, "") }
      /^[#;]/ { next }
      index($0, "[") == 1 { section = $0; gsub(/[ \t]+/, " ", section); gsub(/^. ?| ?\].*$/, "", section); next }
      {
        at = match($0, /[=:]/)
        if (!at || section != ENVIRON["SECTION"]) next
        key = substr($0, 1, at - 1); sub(/[ \t]+$/, "", key)
        if (key != ENVIRON["KEY"]) next
        value = substr($0, at + 1); sub(/^[ \t]+/, "", value); sub(/[ \t]+;.*$/, "", value)
      }
      END { print value }' "$file")
  done
  printf '%s\n' "$value" # echo would take backslashes for its own
}

catalogue_now() {
  case $(setting_now lists catalogue yes "${1:-}") in no) echo false ;; *) echo true ;; esac
}
level_now() { setting_now syslog level 5 "${1:-}"; }
remote_now() { setting_now "remote manager" protocol none "${1:-}"; }
address_now() { setting_now "remote manager" address "" "${1:-}"; }
