#pragma once

#include <cerrno>
#include <csignal>
#include <ctime>
#include <mutex>

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <syslog.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/adapters/posix/fd.hpp>
#include <powerconsul/adapters/posix/log_line.hpp>
#include <powerconsul/core/text.hpp>

namespace powerconsul::inline v0 {

/// Writes events to stderr, to syslog or to files, at once and each as one line with one system call, so that processes
/// and threads may share a file. In a directory there is `<command>/<service>.<state>.log` for each service and state,
/// and `<command>/<command>.log` for the rest, or `<command>/<file>.log` for all if the options name a file. A file is
/// opened for each line, so that a new one replaces one that was moved away. Files are made with mode 0640, the
/// directory and the one in it with 0750; directories above must exist. Symbolic links in a file's place or below the
/// directory are not followed.
///
/// Failures do not reach the caller; `failures` and `cause` report them. A disk that fills up in the middle of a line
/// leaves a part of it; the next line begins on a line of its own (at worst after an empty one). Nothing waits for
/// a reader, except that stderr gets one second, and none after that until it takes lines again.
class posix_log {
public:
    /// For syslog it calls openlog(3), which affects the whole process.
    explicit posix_log(log_options options)
        : options_{std::move(options)}, has_stderr_{::fcntl(STDERR_FILENO, F_GETFD) != -1} {
        struct stat seen {};
        const bool there = options_.target.kind == log_target_kind::file &&
                           ::stat(options_.target.path.c_str(), &seen) == 0 && S_ISDIR(seen.st_mode);
        if (there) options_.target.kind = log_target_kind::directory;
        options_.command = percent_encoded(options_.command);
        if (options_.command.find_first_not_of('.') == std::string::npos) options_.command = "powerconsul";
        options_.file = percent_encoded(options_.file);
        if (options_.target.kind == log_target_kind::syslog) ::openlog("powerconsul", LOG_PID, LOG_DAEMON);
    }

    void write(const event& what) {
        if (options_.target.kind == log_target_kind::none || what.level > options_.most) return;
        const std::lock_guard hold{mutex_};
        const held_signals held;
        auto done = put(what);
        if (done) return;
        ++failures_;
        if (!cause_) cause_ = std::move(done).error();
    }

    /// Lines that were lost, or of which only a part was written.
    [[nodiscard]] auto failures() const -> std::size_t {
        const std::lock_guard hold{mutex_};
        return failures_;
    }
    /// The first failure.
    [[nodiscard]] auto cause() const -> std::optional<error> {
        const std::lock_guard hold{mutex_};
        return cause_;
    }

private:
    /// Keeps signals that a write may raise from the process: SIGPIPE if the reader is gone, SIGXFSZ at a limit on file
    /// size, SIGTTOU at a terminal that another process group uses. The kernel sends them to the writing thread.
    class held_signals {
    public:
        held_signals() noexcept {
            ::sigemptyset(&caused_);
            sigset_t waiting;
            ::sigpending(&waiting);
            for (const int each : {SIGPIPE, SIGXFSZ}) {
                if (::sigismember(&waiting, each) == 0) ::sigaddset(&caused_, each);
            }
            sigset_t all = caused_;
            for (const int each : {SIGPIPE, SIGXFSZ, SIGTTOU}) ::sigaddset(&all, each);
            ::pthread_sigmask(SIG_BLOCK, &all, &before_);
        }
        held_signals(const held_signals&) = delete;
        auto operator=(const held_signals&) -> held_signals& = delete;
        ~held_signals() {
            const timespec at_once{};
            while (::sigtimedwait(&caused_, nullptr, &at_once) > 0) {
            }
            ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        }

    private:
        sigset_t caused_{};
        sigset_t before_{};
    };

    [[nodiscard]] auto put(const event& what) -> result<void> {
        switch (options_.target.kind) {
            case log_target_kind::standard_error: return put_to_stderr(line(what, least_event_line_limit) + '\n');
            case log_target_kind::syslog: return put_to_syslog(what);
            case log_target_kind::file: return put_to_file(AT_FDCWD, options_.target.path, options_.target.path, what);
            case log_target_kind::directory: return put_below_directory(what);
            case log_target_kind::none: break;
        }
        return {};
    }

    [[nodiscard]] auto line(const event& what, std::size_t limit) const -> std::string {
        const milliseconds now = posix_clock{}.wall();
        return options_.format == log_format::json ? json_line(what, now, limit) : logfmt_line(what, now, limit);
    }

    // --- stderr and syslog ---

    /// Writes lines of at most PIPE_BUF bytes: they are not torn, and a pipe that has room takes them without waiting.
    [[nodiscard]] auto put_to_stderr(std::string text) -> result<void> {
        // If stderr was closed at the start, its number may by now be another file's.
        if (!has_stderr_) return system_failure("write the log to", "stderr", EBADF);
        pollfd room{STDERR_FILENO, POLLOUT, 0};
        stalled_ = uninterrupted([&] { return ::poll(&room, 1, stalled_ ? 0 : 1000); }) == 0;
        if (stalled_)
            return fail(errc::timed_out, "cannot write the log to stderr: nobody reads what it already holds");
        if (broken_) text.insert(0, 1, '\n');
        return write_once(STDERR_FILENO, text, "stderr", &broken_);
    }

    /// syslog(3) reports no failure, but whether anybody listens can be checked.
    [[nodiscard]] auto put_to_syslog(const event& what) const -> result<void> {
        if (::access("/dev/log", W_OK) != 0) return system_failure("write the log to", "/dev/log", errno);
        constexpr int priorities[] = {LOG_ERR, LOG_WARNING, LOG_INFO, LOG_DEBUG};
        const int priority = priorities[static_cast<unsigned char>(what.level)];
        ::syslog(LOG_DAEMON | priority, "%s", line(what, least_event_line_limit).c_str());
        return {};
    }

    // --- files ---

    [[nodiscard]] auto put_below_directory(const event& what) const -> result<void> {
        const std::string& top = options_.target.path;
        const std::string middle = top + '/' + options_.command;
        const posix_fd outer = open_directory(AT_FDCWD, top, 0);
        if (!outer) return system_failure("open the log's directory", top, errno);
        const posix_fd inner = open_directory(outer.get(), options_.command, O_NOFOLLOW);
        if (!inner) return system_failure("open the log's directory", middle, errno);
        std::string name = options_.file;
        if (name.empty() && !what.service.empty() && !what.state.empty()) {
            name = percent_encoded(what.service) + '.' + percent_encoded(what.state);
        }
        constexpr std::size_t longest_name = 255;
        constexpr std::string_view end = ".log";
        if (name.empty() || name.size() + end.size() > longest_name) name = options_.command;
        name += end;
        return put_to_file(inner.get(), name, middle + '/' + name, what);
    }

    [[nodiscard]] auto put_to_file(int parent, const std::string& name, const std::string& shown,
                                   const event& what) const -> result<void> {
        const posix_fd file = open_file(parent, name);
        if (!file && errno == ELOOP) {
            return fail(errc::bad_data,
                        "the log " + quoted(shown) + " is a symbolic link, and none is followed; name the file itself");
        }
        if (!file) return system_failure("open the log", shown, errno);
        struct stat seen {};
        if (::fstat(file.get(), &seen) != 0) return system_failure("look at the log", shown, errno);
        // A device such as /dev/console is accepted only as the named target.
        const bool device = S_ISCHR(seen.st_mode) && options_.target.kind == log_target_kind::file;
        if (!S_ISREG(seen.st_mode) && !device) {
            return fail(errc::bad_data,
                        "the log " + quoted(shown) + " is not a regular file, and only such are written");
        }
        std::string text = line(what, event_line_limit) + '\n';
        if (S_ISREG(seen.st_mode) && ends_within_a_line(file.get())) text.insert(0, 1, '\n');
        return write_once(file.get(), text, shown);
    }

    /// Does not wait for the other end of a FIFO. Opens for writing only if reading is not allowed.
    [[nodiscard]] static auto open_file(int parent, const std::string& name) -> posix_fd {
        constexpr int flags = O_APPEND | O_NOFOLLOW | O_CLOEXEC | O_NONBLOCK | O_NOCTTY;
        const auto open = [&](int further) {
            return posix_fd{uninterrupted([&] { return ::openat(parent, name.c_str(), flags | further, 0640); })};
        };
        posix_fd file;
        // Another process may make the file or move it away between two steps.
        for (int turn = 0; turn < 10; ++turn) {
            file = open(O_RDWR);
            if (!file && errno == EACCES) file = open(O_WRONLY);
            if (file || errno != ENOENT) return file;
            file = open(O_RDWR | O_CREAT | O_EXCL);
            if (file) ::fchmod(file.get(), 0640);  // whatever the umask took away
            if (file || errno != EEXIST) return file;
        }
        return file;
    }

    [[nodiscard]] static auto open_directory(int parent, const std::string& name, int further) -> posix_fd {
        const auto open = [&](int flags) {
            return posix_fd{
                uninterrupted([&] { return ::openat(parent, name.c_str(), O_DIRECTORY | O_CLOEXEC | flags); })};
        };
        posix_fd there = open(O_PATH | further);
        if (there || errno != ENOENT) return there;
        if (::mkdirat(parent, name.c_str(), 0750) != 0) {
            if (errno == EEXIST) return open(O_PATH | further);
            return {};
        }
        posix_fd made = open(O_RDONLY | O_NOFOLLOW);
        if (made) ::fchmod(made.get(), 0750);
        return made;
    }

    /// Whether the last line has no newline. That also holds while another process is writing it, hence several looks.
    [[nodiscard]] static auto ends_within_a_line(int file) -> bool {
        for (int look = 0; look < 10; ++look) {
            const timespec moment{0, 2'000'000};
            if (look != 0) ::nanosleep(&moment, nullptr);
            struct stat seen {};
            char last{};
            if (::fstat(file, &seen) != 0 || seen.st_size == 0) return false;
            if (uninterrupted([&] { return ::pread(file, &last, 1, seen.st_size - 1); }) != 1) return false;
            if (last == '\n') return false;
        }
        return true;
    }

    /// Sets `broken`, if given, to whether only a part of the text was written. A failed write leaves it as it was.
    [[nodiscard]] static auto write_once(int to, std::string_view text, std::string_view shown, bool* broken = nullptr)
        -> result<void> {
        const auto written = uninterrupted([&] { return ::write(to, text.data(), text.size()); });
        if (written < 0) return system_failure("write the log to", shown, errno);
        const bool whole = static_cast<std::size_t>(written) == text.size();
        if (broken != nullptr) *broken = !whole;
        if (whole) return {};
        return fail(errc::io, "of a line of " + std::to_string(text.size()) + " bytes only the first " +
                                  std::to_string(written) + " could be written to the log " + quoted(shown));
    }

    log_options options_;
    bool has_stderr_;
    bool stalled_{};  ///< stderr had no room for the last line
    bool broken_{};   ///< stderr ends with a part of a line
    mutable std::mutex mutex_{};
    std::size_t failures_{};
    std::optional<error> cause_{};
};

static_assert(event_log<posix_log>);

}  // namespace powerconsul::inline v0
