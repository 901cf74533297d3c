#pragma once

#include <functional>

#include <powerconsul/adapters/posix/watchdog.hpp>
#include <powerconsul/config/sources.hpp>

namespace powerconsul::cli {

/// All that the program takes from the process it runs in.
struct invocation : config::surroundings {
    std::vector<std::string> args{};  ///< without the program's own name
    /// Told how a check is to end when its time is over: before anybody is asked, and again when the configuration is
    /// known. Other commands do not call it, since nobody waits for them in vain. May be empty.
    std::function<void(last_word)> limit{};
    /// Reads standard input to its end; errc::bad_data: more than that many bytes, errc::timed_out: no end in that
    /// time.
    std::function<result<std::string>(std::size_t, milliseconds)> input{};
    /// Goes on in another program, one that has TLS. Returns only if that cannot be started, and why. Empty: this one
    /// has it.
    std::function<error()> with_tls{};
    /// The same, for what the C library and libraries such as libsystemd do; the argument is what needs it.
    std::function<error(const std::string&)> with_libraries{};
    /// Goes on in a process of its own that holds none of the caller's descriptors; true there, false in the caller.
    std::function<result<bool>()> detach{};
    /// Whether this program's file has been replaced by another one since it was started.
    std::function<bool()> is_old{};
    /// Starts the program's file anew with these arguments, in the place of this one. Returns only if it cannot.
    std::function<void(const std::vector<std::string>&)> renew{};
    /// Gives up root's rights for those of the owner of a directory, if this is root and that is somebody else: what an
    /// agent's user keeps must stay that user's.
    std::function<result<void>(const std::string&)> act_as_owner{};
    /// The user's home directory, called where HOME is not set; empty if there is none, and a failure if that cannot be
    /// told. It asks a name service, and so only after `limit`.
    std::function<result<std::string>()> home{[] { return result{std::string{}}; }};
};

/// Whether the command of that name does more than to read and to tell: it may need accounts, and scopes of systemd,
/// after it has read standard input or written a record.
[[nodiscard]] auto takes_libraries(std::string_view name) -> bool;

/// Runs one command and returns its exit status. What it prints is appended to `out` and `err`.
[[nodiscard]] auto run(const invocation& call, std::string& out, std::string& err) -> int;

}  // namespace powerconsul::cli
