#pragma once

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <limits>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <grp.h>
#include <poll.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/accounts.hpp>
#include <powerconsul/adapters/posix/child.hpp>
#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/files.hpp>
#include <powerconsul/adapters/posix/output_keeper.hpp>
#include <powerconsul/adapters/posix/usual_limits.hpp>
#include <powerconsul/core/proc_stat.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/scope_maker.hpp>
#include <powerconsul/ports/supervisor.hpp>

namespace powerconsul::inline v0 {

/// Runs jobs with fork and execve; needs Linux and its /proc. A child waits on a socket for its parent's go-ahead, and
/// exits without having done anything if the other end is closed or its parent dies. Descriptor 3 of the job is its
/// script. Where `Scopes` can make one, a job with a name has a scope of its own. Not for a process that ignores
/// SIGCHLD (errc::usage) or reaps children that it did not start: the outcome would be lost (errc::io). A job that the
/// kernel cannot end in time stays this process's child, if only as a zombie.
template <scope_maker Scopes = no_scopes>
class posix_supervisor {
public:
    explicit posix_supervisor(Scopes scopes = Scopes{}) : scopes_{std::move(scopes)} {}

    template <typename Ready>
    [[nodiscard]] auto run(const job& what, Ready&& ready) -> result<job_outcome> {
        held_child child;
        if (auto held = hold(what, child); !held) return unexpected{std::move(held).error()};
        const auto scope = set_apart(what, child);
        const auto boot = boot_id();
        const auto seen = look_at(child.pid);
        if (!boot || !seen) return unexpected{boot ? seen.error() : boot.error()};
        if (!*seen) return cannot_run(what, errc::io, ended_early);
        const result<void> agreed = ready(process_mark{child.pid, (**seen).start, *boot});
        if (!agreed) return unexpected{agreed.error()};
        auto ended = attend(what, child);
        if (ended && scope) ended->scope = *scope;
        if (ended && !scope && scope.error().code != errc::unsupported) ended->no_scope = scope.error().message;
        return ended;
    }

    /// Fails with errc::io if that cannot be told, because /proc is missing or hides the process.
    [[nodiscard]] auto is_running(const process_mark& mark) const -> result<bool> {
        // A job is never process 1, and kill(-1) would signal every process.
        if (mark.pid <= 1 || mark.pid > std::numeric_limits<pid_t>::max()) return false;
        const auto boot = boot_id();
        if (!boot) return unexpected{boot.error()};
        if (*boot != mark.boot) return false;
        const auto seen = look_at(static_cast<pid_t>(mark.pid));
        if (!seen) return unexpected{seen.error()};
        return *seen && (**seen).start == mark.began && !(**seen).ended;
    }

    [[nodiscard]] auto end(const process_mark& mark) const -> result<void> {
        const auto running = is_running(mark);
        if (!running) return unexpected{running.error()};
        if (!*running) return {};
        const auto pid = static_cast<pid_t>(mark.pid);
        const auto scope = detail::job_scope::of(pid);
        const int error = ::kill(-pid, SIGKILL) == 0 ? 0 : errno;
        // Again for what has just been forked; what the kernel cannot end in this time is not waited for.
        for (int tries = 0; tries < 50 && scope.signal(SIGKILL, 0); ++tries) posix_clock{}.sleep({10});
        if (error == 0 || error == ESRCH) return {};
        return system_failure("end the processes of group", std::to_string(mark.pid), error);
    }

private:
    // The child's descriptors: the script and, until execve, the socket. Those that the parent makes for it start at
    // `lowest`, so that none is overwritten before it is moved to its place.
    static constexpr int script_number = 3;
    static constexpr int word_number = 4;
    static constexpr int lowest = 10;

    struct account {
        posix_account who{};
        bool other{};                 ///< this process has not that user's rights already
        std::vector<gid_t> groups{};  ///< of the other user
    };

    /// What the child needs, collected before the fork: after it nothing may be allocated.
    struct numbers {
        int null{}, output{}, word{}, script{};
        pid_t parent{::getpid()};
        detail::usual_limits limits{};
    };

    /// A child that may still wait for the go-ahead; the destructor ends it.
    // NOLINTNEXTLINE(cppcoreguidelines-special-member-functions): its descriptors cannot be copied
    struct held_child {
        pid_t pid{-1};
        posix_fd word{};
        posix_fd output{};
        detail::output_keeper keeper{};
        ~held_child() {
            if (pid < 0) return;
            word.reset();
            ::kill(pid, SIGKILL);
            (void)uninterrupted([&] { return ::waitpid(pid, nullptr, 0); });
        }
    };

    // --- preparing a child ---

    static constexpr std::string_view ended_early = "its process ended before it could begin";
    [[nodiscard]] static auto cannot_run(const job& what, errc code, std::string_view why) -> unexpected {
        const std::string_view name = what.argv.empty() ? std::string_view{} : what.argv.front();
        const bool hidden = algo::any_of(name, [](char c) { return c > '\0' && c < ' '; });
        return fail(code, "cannot run " + quoted(name) + (what.user.empty() ? "" : " as user " + quoted(what.user)) +
                              ": " + std::string{why} +
                              (hidden ? " (its name holds a control character: a line that ends in CR LF?)" : ""));
    }

    [[nodiscard]] static auto check(const job& what) -> result<void> {
        const auto why = detail::refusal(what.argv, what.environment);
        if (!why.empty()) return cannot_run(what, errc::usage, why);
        struct sigaction at_end {};
        ::sigaction(SIGCHLD, nullptr, &at_end);
        if (at_end.sa_handler != SIG_IGN && (at_end.sa_flags & SA_NOCLDWAIT) == 0) return {};
        return cannot_run(what, errc::usage, "this process ignores SIGCHLD, and would not learn how its child ended");
    }

    /// The account that the job has. A job of this process's own user needs no entry for it.
    [[nodiscard]] static auto look_up(const job& what) -> result<account> {
        const auto own = ::geteuid();
        if (what.user.empty()) {
            const auto known = posix_accounts{}.login(own);
            return account{known && *known ? **known : posix_account{own, ::getegid(), std::to_string(own), {}, {}}};
        }
        const auto found = posix_accounts{}.login(what.user);
        if (!found) return cannot_run(what, errc::io, found.error().message);
        if (!*found) return cannot_run(what, errc::usage, "this machine knows no such user");
        account made{**found};
        if (made.who.user == own) return made;
        made.other = true;
        made.groups.resize(65536);  // as many as the kernel allows
        int count = static_cast<int>(made.groups.size());
        if (::getgrouplist(what.user.c_str(), made.who.group, made.groups.data(), &count) < 0) {
            return cannot_run(what, errc::io, "more than 65536 groups");
        }
        made.groups.resize(static_cast<std::size_t>(count));
        return made;
    }

    /// What the job names, and what it does not name of its account. Like systemd, this gives no shell that only
    /// refuses to be used.
    [[nodiscard]] static auto complete_environment(const job& what, const posix_account& who)
        -> std::vector<std::string> {
        auto list = what.environment;
        const auto add = [&](std::string_view name, std::string_view value) {
            const auto is_named = [&](std::string_view each) { return each.starts_with(name); };
            if (algo::none_of(what.environment, is_named)) list.push_back(std::string{name} + std::string{value});
        };
        const bool refuses = is_one_of(base_name(who.shell), {"nologin", "false", "true", "null"});
        add("HOME=", who.home.empty() ? "/" : who.home);
        add("USER=", who.name);
        add("LOGNAME=", who.name);
        add("SHELL=", who.shell.empty() || refuses ? "/bin/sh" : who.shell);
        return list;
    }

    /// Keeps the script where only this process, the job and root can reach it: in a sealed memfd or, without one, in a
    /// file without a name. The interpreter opens it anew below /proc/self/fd, with the job's rights.
    [[nodiscard]] static auto keep_script(const job& what, bool other_user) -> result<posix_fd> {
        const auto failed = [&] { return system_failure("keep the script of", what.argv.front(), errno); };
        constexpr unsigned never_executable = 8;  // MFD_NOEXEC_SEAL: Linux 6.3, where a sysctl may demand it
        constexpr int seals = F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL;
        posix_fd file{::memfd_create("script", MFD_CLOEXEC | MFD_ALLOW_SEALING | never_executable)};
        if (!file) file = posix_fd{::memfd_create("script", MFD_CLOEXEC | MFD_ALLOW_SEALING)};
        const bool in_memory = static_cast<bool>(file);
        for (const auto* directory : {"/run", "/tmp"}) {
            if (!file) file = posix_fd{::open(directory, O_TMPFILE | O_EXCL | O_RDWR | O_CLOEXEC, 0600)};
        }
        if (!file) return failed();
        for (std::string_view rest = what.script; !rest.empty();) {
            const auto size = uninterrupted([&] { return ::write(file.get(), rest.data(), rest.size()); });
            if (size < 0) return failed();
            rest.remove_prefix(static_cast<std::size_t>(size));
        }
        if (::fchmod(file.get(), other_user ? 0444 : 0400) != 0) return failed();
        if (in_memory && ::fcntl(file.get(), F_ADD_SEALS, seals) != 0) return failed();
        const auto path = "/proc/self/fd/" + std::to_string(file.get());
        auto kept =
            detail::lifted(posix_fd{uninterrupted([&] { return ::open(path.c_str(), O_RDONLY | O_CLOEXEC); })}, lowest);
        if (!kept) return failed();
        return kept;
    }

    /// Makes the child, which then waits for the go-ahead.
    [[nodiscard]] static auto hold(const job& what, held_child& child) -> result<void> {
        if (auto checked = check(what); !checked) return checked;
        const auto as = look_up(what);
        if (!as) return unexpected{as.error()};
        const posix_fd null =
            detail::lifted(posix_fd{uninterrupted([] { return ::open("/dev/null", O_RDONLY | O_CLOEXEC); })}, lowest);
        if (!null) return system_failure("open", "/dev/null", errno);
        auto output = detail::make_output(what.argv.front(), lowest);
        if (!output) return unexpected{output.error()};
        auto keeper = detail::output_keeper::start(what.argv.front(), (*output)[0].get(), lowest);
        if (!keeper) return unexpected{keeper.error()};
        child.keeper = *std::move(keeper);
        constexpr int kind = SOCK_SEQPACKET | SOCK_CLOEXEC;  // a pipe whose reader dies would raise SIGPIPE
        auto word = detail::make_pair(what.argv.front(), lowest,
                                      [](int* ends) { return ::socketpair(AF_UNIX, kind, 0, ends); });
        if (!word) return unexpected{word.error()};
        auto words = what.argv;
        auto script = what.script.empty() ? posix_fd{} : keep_script(what, as->other);
        if (!script) return unexpected{script.error()};
        if (*script) words.push_back("/proc/self/fd/" + std::to_string(script_number));
        const auto argv = detail::pointers(words);
        const auto variables = complete_environment(what, as->who);
        const auto environment = detail::pointers(variables);
        const numbers given{null.get(), (*output)[1].get(), (*word)[1].get(), script->get()};
        sigset_t every{}, before{};
        ::sigfillset(&every);
        ::pthread_sigmask(SIG_SETMASK, &every, &before);  // no handler of this process runs in the child
        child.pid = ::fork();
        if (child.pid == 0) become(argv.data(), environment.data(), *as, given);
        const int error = errno;
        ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
        if (child.pid < 0) return system_failure("make a process for", what.argv.front(), error);
        child.word = std::move((*word)[0]);
        child.output = std::move((*output)[0]);
        (*word)[1].reset();
        pollfd reported{child.word.get(), POLLIN, 0};
        (void)uninterrupted([&] { return ::poll(&reported, 1, 60'000); });
        const auto told = heard(child);
        if (!told) return cannot_run(what, errc::io, ended_early);
        if (*told != 0) return cannot_run(what, errc::io, std::generic_category().message(*told));
        return {};
    }

    // --- in the child ---

    /// Runs in the child until execve. Calls only async-signal-safe functions: the other threads are gone, and what
    /// they had locked stays locked. Inherited descriptors are closed first: another child may be waiting for that.
    [[noreturn]] static void become(char* const* argv, char* const* environment, const account& as,
                                    numbers given) noexcept {
        const auto say = [&](int error) {
            return uninterrupted([&] { return ::send(given.word, &error, sizeof error, MSG_NOSIGNAL); }) >= 0;
        };
        const auto must = [&](bool done) {
            if (!done) (void)say(errno), ::_exit(127);
        };
        must(::dup2(given.null, 0) >= 0 && ::dup2(given.output, 1) >= 0 && ::dup2(given.output, 2) >= 0);
        must(given.script < 0 || ::dup2(given.script, script_number) >= 0);
        must(::dup3(given.word, word_number, O_CLOEXEC) >= 0);
        given.word = word_number;
        if (given.script < 0) ::close(script_number);
        ::closefrom(word_number + 1);
        struct sigaction by_default {};
        by_default.sa_handler = SIG_DFL;
        for (int number = 1; number < NSIG; ++number) ::sigaction(number, &by_default, nullptr);
        sigset_t none{};
        ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
        ::umask(022);
        must(::setsid() >= 0 && ::chdir("/") == 0);
        given.limits.take_effect();
        must(!as.other || (::setgroups(as.groups.size(), as.groups.data()) == 0 && ::setgid(as.who.group) == 0 &&
                           ::setuid(as.who.user) == 0));
        // If the parent dies, the child must not wait for others who hold the socket's other end. A change of user
        // undoes this, so it comes after that.
        must(::prctl(PR_SET_PDEATHSIG, SIGKILL) == 0);
        if (::getppid() != given.parent) ::_exit(127);
        if (!say(0)) ::_exit(127);  // a parent that still waits sees the socket close
        char go = 0;
        if (uninterrupted([&] { return ::recv(given.word, &go, 1, 0); }) != 1) ::_exit(127);
        ::prctl(PR_SET_PDEATHSIG, 0);
        must(::execve(argv[0], argv, environment) == 0);
        ::_exit(127);
    }

    // --- back in the parent ---

    /// What the child reported: 0 if it waits for the go-ahead, or the errno with which it gave up. Nothing if it said
    /// nothing.
    [[nodiscard]] static auto heard(const held_child& child) -> std::optional<int> {
        int told = 0;
        const auto got = uninterrupted([&] { return ::recv(child.word.get(), &told, sizeof told, MSG_DONTWAIT); });
        return got == sizeof told ? std::optional{told} : std::nullopt;
    }

    [[nodiscard]] static auto boot_id() -> result<std::string> {
        const std::string path = "/proc/sys/kernel/random/boot_id";
        auto text = posix_files{}.read(path, 256);
        if (!text) return unexpected{std::move(text).error()};
        if (!*text || (**text).size() < 2) return system_failure("learn this boot's id from", path, ENOENT);
        return (**text).substr(0, (**text).find('\n'));
    }

    /// The process with that number; nothing if there is none.
    [[nodiscard]] static auto look_at(pid_t pid) -> result<std::optional<process>> {
        for (int tries = 0; tries < 2; ++tries) {  // twice: another process may just have got the number
            const auto text = posix_files{}.read("/proc/" + std::to_string(pid) + "/stat", std::size_t{16} << 10U);
            if (!text) return unexpected{text.error()};
            const auto wrapped = [](process&& one) { return std::optional{std::move(one)}; };
            if (*text) return parse_process(**text).transform(wrapped);
            if (::kill(pid, 0) != 0 && errno == ESRCH) return std::optional<process>{};
        }
        return fail(errc::io, "cannot tell what process " + std::to_string(pid) + " is: it runs, but /proc hides it");
    }

    /// Gives the child and the keeper of its output a scope of their own; its unit's name.
    [[nodiscard]] auto set_apart(const job& what, const held_child& child) const -> result<std::string> {
        if (what.name.empty()) return fail(errc::unsupported, "a job without a name has no scope");
        Scopes scopes = scopes_;
        milliseconds left = seconds(5);
        return scopes.open_scope(
            {std::string{job_scope_prefix} + what.name,
             "job " + what.name + " of powerconsul",
             {static_cast<std::uint32_t>(child.pid), static_cast<std::uint32_t>(child.keeper.pid())}},
            left);
    }

    /// Gives the go-ahead and waits for the end.
    [[nodiscard]] static auto attend(const job& what, held_child& child) -> result<job_outcome> {
        const auto go = [&] { return ::send(child.word.get(), "g", 1, MSG_NOSIGNAL); };
        if (uninterrupted(go) != 1) return cannot_run(what, errc::io, ended_early);
        const posix_clock clock;
        const milliseconds began = clock.monotonic();
        std::array outputs{detail::kept_output{std::move(child.output), what.head, what.tail}};
        const auto end = detail::attend(std::exchange(child.pid, -1), what.argv.front(),
                                        {what.timeout, what.grace, true, child.keeper.pid()}, outputs);
        if (!end) return unexpected{end.error()};
        const milliseconds duration = clock.monotonic() - began;
        if (const auto told = heard(child)) return cannot_run(what, errc::io, std::generic_category().message(*told));
        return job_outcome{end->how, end->status, std::move(outputs[0].text), outputs[0].dropped, duration, {}, {}};
    }

    Scopes scopes_;
};

static_assert(job_supervisor<posix_supervisor<>>);

}  // namespace powerconsul::inline v0
