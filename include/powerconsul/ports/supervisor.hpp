#pragma once

#include <powerconsul/ports/executor.hpp>

namespace powerconsul::inline v0 {

/// A program that changes the machine and may take its time. No inherited environment or descriptors, standard input
/// from /dev/null, a session of its own, / as working directory.
struct job {
    std::string name{};               ///< such as "web-3"; a job without one has no scope of its own
    std::vector<std::string> argv{};  ///< argv[0] is an absolute path
    /// `NAME=value`. Nothing else is passed on, but for what it does not name of HOME, USER, LOGNAME and SHELL: these
    /// are those of the account that the job has.
    std::vector<std::string> environment{};
    std::string script{};               ///< if any, stored where nobody else can change it; its path follows argv
    std::string user{};                 ///< the user it runs as, empty for the user of this process
    milliseconds timeout{seconds(60)};  ///< then the whole process group, and its scope, get SIGTERM ...
    milliseconds grace{seconds(10)};    ///< ... and, this much later, SIGKILL
    std::size_t head{32 * 1024};        ///< bytes kept of the output's beginning ...
    std::size_t tail{32 * 1024};        ///< ... and of its end
};

struct job_outcome {
    ending how{ending::exited};
    int status{};             ///< exit status, or the signal's number; 0 after a time-out
    std::string output{};     ///< standard output and error as they came, without what is between head and tail
    std::uint64_t dropped{};  ///< bytes between head and tail
    milliseconds duration{};
    std::string scope{};     ///< the unit of systemd that it had to itself; empty if it had none
    std::string no_scope{};  ///< why it had none where there should have been one
};

/// Identifies a process on this machine; a later process with the same pid has another mark.
struct process_mark {
    std::int64_t pid{};     ///< 0 if there is no process
    std::uint64_t began{};  ///< when the process started, in the kernel's own unit of time since boot
    std::string boot{};     ///< the kernel's boot id

    friend auto operator==(const process_mark&, const process_mark&) -> bool = default;
};

/// Stands for `ready` in the concept.
struct accepts_any_process {
    [[nodiscard]] auto operator()(const process_mark&) const -> result<void> { return {}; }
};

/// Runs jobs so that a crash of the supervisor can be recovered from. `run` makes the process, calls
/// `ready(const process_mark&)` while it has not begun anything, and lets it begin only if that succeeds; if it fails,
/// or the supervisor dies, the process ends without having done anything. Then it waits for the end of the direct
/// child (a grandchild that keeps the pipe open is not waited for) or for the time-out, which ends the whole group.
/// Where it can, it gives the job a scope of its own before `ready`: then the time-out and `end` reach what has left
/// the group, too, while after any other end of the job what it has started lives on, whatever becomes of the
/// supervisor's own unit. Standard output and error stay writable as long as anybody holds them, also after the
/// supervisor's death; what comes after the job's end is discarded. Fails with errc::io or errc::usage if the job could
/// not be started and has done nothing, or with the error that `ready` gave. `is_running` tells whether that process
/// still runs (a zombie does not); `end` ends its whole group with SIGKILL if it does. Several threads may use one
/// supervisor.
template <typename T>
concept job_supervisor = requires(T& supervisor, const job& what, accepts_any_process ready, const process_mark& mark) {
    { supervisor.run(what, ready) } -> std::same_as<result<job_outcome>>;
    { supervisor.is_running(mark) } -> std::same_as<result<bool>>;
    { supervisor.end(mark) } -> std::same_as<result<void>>;
};

}  // namespace powerconsul::inline v0
