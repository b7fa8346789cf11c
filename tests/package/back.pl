#!/usr/bin/perl
# SPDX-License-Identifier: Apache-2.0
# The "back" of debconf's questions, which its editor frontend has not: speaks debconf's protocol
# (debconf-devel(7)) with the config script in the frontend's place. Run in a directory where nothing is in
# force: back.pl SCRIPT.
use strict;
use warnings;
use IPC::Open2;

my $script = shift or die "back.pl SCRIPT\n";
my $me = 'tld-audisp-plugin';

# Answers, which questions are seen, and where the user goes back, once each. Gives the questions in the
# order they were seen; an endless loop is cut off.
sub walk {
  my ($answers, $visible, $back) = @_;
  my %value = map { ("$me/$_" => $answers->{$_}) } keys %$answers;
  my (@shown, @pending, %back, $backed_up);
  $back{"$me/$_"} = 1 for @$back;
  local $ENV{DEBIAN_HAS_FRONTEND} = 1;
  local $ENV{DEBCONF_REDIR};
  delete $ENV{DEBCONF_REDIR};
  my $pid = open2(my $from, my $to, 'sh', $script, 'reconfigure');
  select((select($to), $| = 1)[0]);
  while (my $line = <$from>) {
    chomp $line;
    my ($command, @word) = split / /, $line;
    my $reply = '0 ok';
    if ($command eq 'GET') { $reply = '0 ' . ($value{$word[0]} // '') }
    elsif ($command eq 'SET') { $value{shift @word} = join ' ', @word }
    elsif ($command eq 'INPUT') {
      (my $name = $word[1]) =~ s,.*/,,;
      if ($visible->{$name}) { push @pending, $word[1] } else { $reply = '30 question skipped' }
    } elsif ($command eq 'GO') {
      my ($question) = @pending;
      if ($question) { (my $name = $question) =~ s,.*/,,; push @shown, $name }
      if (($question && delete $back{$question}) || ($backed_up && !$question)) {
        $backed_up = 1;
        $reply = '30 backup';
      } else { $backed_up = 0 }
      @pending = ();
    }
    print $to "$reply\n";
    if (@shown > 30 || ++$value{steps} > 500) { kill 'TERM', $pid; push @shown, 'endless'; last }
  }
  close $to;
  waitpid $pid, 0;
  return join ' ', @shown;
}

my %answers = (
  enable => 'true', 'audit-rules' => 'true', users => 'all', programs => 'nc:red', catalogue => 'true',
  level => 5, remote => 'none',
);
my %all = map { $_ => 1 } keys %answers, 'address';
sub check {
  my ($name, $got, $expected) = @_;
  if ($got eq $expected) { print "ok back: $name\n" }
  else { print "not ok back: $name\n  $got\n" }
}

my $order = 'enable audit-rules users programs catalogue level remote';
check('forwards', walk(\%answers, \%all, []), $order);
check('from each question but the first to the one before',
  walk(\%answers, \%all, ['users', 'remote']), 'enable audit-rules users audit-rules users programs catalogue level remote level remote');
check('over a question that does not apply',
  walk({%answers, 'audit-rules' => 'false'}, \%all, ['programs']), 'enable audit-rules programs audit-rules programs catalogue level remote');
check('from the first', walk(\%answers, \%all, ['enable']), 'enable');
check('from the only one that is seen',
  walk({%answers, remote => 'tls', address => 'a'}, {address => 1}, ['address']), 'address');
