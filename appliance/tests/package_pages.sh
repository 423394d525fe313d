# Manual pages and completions of both programs, in an installed box: sourced.

for program in ringward ringward-console; do
    in_box zgrep -q '^.TH' "/usr/share/man/man1/$program.1.gz" || fail "no manual page of $program"
    completion=/usr/share/bash-completion/completions/$program
    in_box bash -n "$completion" || fail "bash cannot read $completion"
    in_box bash -c ". $completion && complete -p $program" >/dev/null || fail "$completion completes nothing"
    for completion in /usr/share/zsh/vendor-completions/_$program \
        /usr/share/fish/vendor_completions.d/$program.fish; do
        in_box grep -q version "$completion" || fail "$completion is not $program's"
    done
done
