# Runs a command with its hooks (apps/jobs/spec/hooks.py puts the values ocean_* in front; docs/decisions say why
# it is made like this). POSIX sh, and the programs mkfifo and setsid.
#
# This shell is what the scheduler started and signals. The command is kept by a second shell in a session of its own
# that is nobody's child, so that a signal to the whole process tree or group reaches this shell alone: it runs
# pre_stop first and tells the command afterwards.
ocean_say() { printf 'ocean: %s\n' "$*" >&2; }
for ocean_tool in mkfifo setsid; do
  command -v "$ocean_tool" >/dev/null 2>&1 || {
    ocean_say "hooks need the program '$ocean_tool', which is not there; nothing was started"
    exit 127
  }
done
ocean_dir=${MESOS_SANDBOX:-$PWD}/.ocean-hooks
rm -rf "$ocean_dir" && mkdir -p "$ocean_dir" && mkfifo "$ocean_dir/alive" "$ocean_dir/end" || exit 126

# 9 is held open by this shell alone: its end, however it comes, ends the reading of 8 in the sessions of the command
# and of the hooks, which are then killed. On 7 the command's session says its number, then the command's exit status;
# 5 reads it.
exec 9<>"$ocean_dir/alive" 8<"$ocean_dir/alive" 6<>"$ocean_dir/end"
# The second setsid forks, as it leads a session already: what it starts has no parent here.
setsid setsid sh -c '
  trap : HUP INT QUIT TERM USR1 USR2
  (trap "" HUP INT QUIT TERM USR1 USR2; exec 7>&-; cat <&8; kill -KILL 0) &
  exec 8<&- 6>&2 2>/dev/null
  echo "$$" >&7
  sh -c "$1" 2>&6 6>&- 7>&-
  echo "$?" >&7
' ocean "$ocean_main" 9>&- 6>&- 7>"$ocean_dir/end"
exec 5<"$ocean_dir/end" 6>&-
rm -f "$ocean_dir/alive" "$ocean_dir/end"
read -r ocean_group <&5 || { ocean_say "the command could not be started"; exit 126; }

# ocean_wait PID: its exit status, however often a signal comes in between
ocean_wait() {
  while wait "$1"; ocean_status=$?; kill -0 "$1" 2>/dev/null; do :; done
}

# ocean_hook NAME SECONDS COMMAND: runs it, at most so long; its exit status
ocean_hook() {
  setsid sh -c "$3" 5<&- 8<&- 9>&- &
  ocean_pid=$!
  setsid sh -c '(sleep "$1"; : >"$3"; kill -KILL "-$2") & cat <&8; kill -KILL "-$2" 0' \
    ocean "$2" "$ocean_pid" "$ocean_dir/$1.late" >/dev/null 2>&1 5<&- 9>&- &
  ocean_timer=$!
  ocean_wait "$ocean_pid"
  ocean_code=$ocean_status
  { kill -KILL "-$ocean_timer" || kill -KILL "$ocean_timer"; } 2>/dev/null
  wait "$ocean_timer" 2>/dev/null
  if [ -e "$ocean_dir/$1.late" ]; then
    ocean_say "$1 took longer than $2 s and was ended"
    ocean_code=124
  elif [ "$ocean_code" -ne 0 ]; then
    ocean_say "$1 failed: exit status $ocean_code"
  fi
  return "$ocean_code"
}

ocean_stop() {
  trap : TERM
  if [ -n "$ocean_pre_stop" ]; then
    ocean_hook pre_stop "$ocean_pre_stop_s" "$ocean_pre_stop"
  fi
  kill -TERM "-$ocean_group" 2>/dev/null
}
trap ocean_stop TERM
for ocean_signal in HUP INT QUIT USR1 USR2; do
  trap "kill -$ocean_signal -$ocean_group 2>/dev/null" "$ocean_signal"
done

ocean_post=
if [ -n "$ocean_post_start" ]; then
  (
    trap - TERM
    ocean_hook post_start "$ocean_post_start_s" "$ocean_post_start" && exit 0
    [ -n "$ocean_post_start_required" ] || exit 0
    ocean_say "post_start has to succeed: the instance ends"
    echo "$ocean_code" >"$ocean_dir/failed"
    kill -TERM "-$ocean_group"
    exec sh -c 'sleep "$1"; kill -KILL "-$2"' ocean "$ocean_grace_s" "$ocean_group"
  ) 5<&- 9>&- &
  ocean_post=$!
fi

# Reads until the command's session has closed its end. A reader that a signal hits before it can ignore it is
# replaced; a second one finds nothing more to read.
ocean_status=1
until [ "$ocean_status" -eq 0 ]; do
  (trap '' HUP INT QUIT TERM USR1 USR2; exec cat <&5 >>"$ocean_dir/status") 9>&- &
  ocean_wait "$!"
done
exec 2>/dev/null # some shells tell of what they killed
if [ -n "$ocean_post" ]; then
  kill -KILL "$ocean_post"
fi
read -r ocean_code <"$ocean_dir/status" || ocean_code=137
if [ -s "$ocean_dir/failed" ]; then
  read -r ocean_code <"$ocean_dir/failed"
fi
rm -rf "$ocean_dir"
exit "$ocean_code"
