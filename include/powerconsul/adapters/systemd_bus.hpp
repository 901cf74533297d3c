#pragma once

#include <cerrno>
#include <memory>
#include <system_error>
#include <utility>

#include <dlfcn.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <powerconsul/adapters/posix/clock.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/unit_source.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// The functions of libsystemd that are used. It is loaded when a unit is asked for rather than linked: with its own
/// dependencies (libgcrypt, libzstd, liblzma, ...) it takes as long to load as a whole short run without it.
class sd_bus_functions {
    struct symbol {
        void* address;
        template <typename Function>
        operator Function*() const {  // NOLINT: implicit, so that each member says its type once
            return reinterpret_cast<Function*>(address);
        }
    };

    void* library_;
    bool complete_;

    explicit sd_bus_functions(void* library) : library_{library}, complete_{library != nullptr} {}
    [[nodiscard]] auto find(const char* name) -> symbol {
        void* const found = complete_ ? ::dlsym(library_, name) : nullptr;
        complete_ = found != nullptr;
        return {found};
    }

public:
    decltype(&::sd_bus_new) make{find("sd_bus_new")};
    decltype(&::sd_bus_set_address) set_address{find("sd_bus_set_address")};
    decltype(&::sd_bus_set_bus_client) set_bus_client{find("sd_bus_set_bus_client")};
    decltype(&::sd_bus_start) start{find("sd_bus_start")};
    decltype(&::sd_bus_is_ready) is_ready{find("sd_bus_is_ready")};
    decltype(&::sd_bus_process) process{find("sd_bus_process")};
    decltype(&::sd_bus_wait) wait{find("sd_bus_wait")};
    decltype(&::sd_bus_call) call{find("sd_bus_call")};
    decltype(&::sd_bus_close_unref) close{find("sd_bus_close_unref")};
    decltype(&::sd_bus_error_free) error_free{find("sd_bus_error_free")};
    decltype(&::sd_bus_message_new_method_call) new_call{find("sd_bus_message_new_method_call")};
    decltype(&::sd_bus_message_append_basic) append{find("sd_bus_message_append_basic")};
    decltype(&::sd_bus_message_append_strv) append_list{find("sd_bus_message_append_strv")};
    decltype(&::sd_bus_message_enter_container) enter{find("sd_bus_message_enter_container")};
    decltype(&::sd_bus_message_read_basic) read{find("sd_bus_message_read_basic")};
    decltype(&::sd_bus_message_unref) message_unref{find("sd_bus_message_unref")};

    /// Libraries are not made to be unloaded, so this one never is. Fails with errc::unavailable if it is not installed
    /// or too old.
    [[nodiscard]] static auto load(const std::string& library) -> result<sd_bus_functions> {
        const sd_bus_functions all{::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL)};
        if (all.complete_) return all;
        const char* const why = ::dlerror();  // NOLINT(concurrency-mt-unsafe): each thread has its own
        return fail(errc::unavailable, "cannot use libsystemd: " + std::string{why == nullptr ? library : why});
    }
};

}  // namespace detail

struct systemd_bus_options {
    std::string library{"libsystemd.so.0"};
    /// systemd's own socket, which answers only root and needs no bus; not asked if empty.
    std::string manager{::geteuid() == 0 ? "/run/systemd/private" : ""};
    std::string system_bus{"/run/dbus/system_bus_socket"};
};

/// Asks systemd over D-Bus, as `systemctl show` does: root at systemd's own socket and, if that cannot be reached, at
/// the system bus, where all other users ask. Connects for each question. Models `unit_source`; reads no environment
/// variables. One object serves one thread at a time.
class systemd_bus {
public:
    explicit systemd_bus(systemd_bus_options options = {}) : options_{std::move(options)} {}

    [[nodiscard]] auto ask(std::string_view unit, milliseconds& left) -> result<unit_state> {
        const auto started = clock_.monotonic();
        auto answer = ask_until(started + left, unit);
        left = left - shorter(left, clock_.monotonic() - started);
        return answer;
    }

private:
    static constexpr const char* systemd = "org.freedesktop.systemd1";

    using connection = std::unique_ptr<sd_bus, decltype(&::sd_bus_close_unref)>;
    using message = std::unique_ptr<sd_bus_message, decltype(&::sd_bus_message_unref)>;

    [[nodiscard]] static auto failure(std::string_view what, int number) -> unexpected {
        if (number == -ETIMEDOUT) return fail(errc::timed_out, "systemd did not answer in time");
        return fail(errc::unavailable, "cannot " + std::string{what} + ": " + std::generic_category().message(-number));
    }

    [[nodiscard]] auto ask_until(milliseconds end, std::string_view unit) -> result<unit_state> {
        if (!sd_) {
            auto loaded = detail::sd_bus_functions::load(options_.library);
            if (!loaded) return unexpected{std::move(loaded).error()};
            sd_ = *loaded;
        }
        connection bus{nullptr, sd_->close};
        int connected = -ENOENT;
        if (!options_.manager.empty()) connected = connect(bus, options_.manager, false, end);
        if (connected < 0 && connected != -ETIMEDOUT) connected = connect(bus, options_.system_bus, true, end);
        if (connected < 0) return failure("connect to systemd", connected);
        return state_of(bus.get(), std::string{unit}, end);
    }

    [[nodiscard]] auto microseconds_left(milliseconds end) const -> std::uint64_t {
        const auto left = (end - clock_.monotonic()).count;
        return left > 0 ? static_cast<std::uint64_t>(left) * 1000 : 0;
    }

    /// Connects and waits until the bus takes messages, which sd_bus_call would wait for without regard to its own time
    /// limit. Returns a negative errno on failure, which is -ETIMEDOUT at `end`. `client` is true for a bus, false for
    /// systemd's own socket.
    [[nodiscard]] auto connect(connection& to, const std::string& path, bool client, milliseconds end) const -> int {
        sd_bus* bus = nullptr;
        if (const int made = sd_->make(&bus); made < 0) return made;
        to.reset(bus);
        if (const int set = sd_->set_address(bus, ("unix:path=" + path).c_str()); set < 0) return set;
        if (const int set = sd_->set_bus_client(bus, client ? 1 : 0); set < 0) return set;
        if (const int started = sd_->start(bus); started < 0) return started;
        for (;;) {
            if (const int ready = sd_->is_ready(bus); ready != 0) return ready;
            const int done = sd_->process(bus, nullptr);
            if (done < 0) return done;
            if (done > 0) continue;
            const auto left = microseconds_left(end);
            if (left == 0) return -ETIMEDOUT;
            if (const int woken = sd_->wait(bus, left); woken < 0 && woken != -EINTR) return woken;
        }
    }

    /// Asks for the manager's list of this one unit, which has all three states at one moment and takes a quarter of
    /// the time of all the unit's properties. SourcePath is asked for only where it counts. Like `systemctl show`, this
    /// makes systemd load the unit.
    [[nodiscard]] auto state_of(sd_bus* bus, std::string unit, milliseconds end) const -> result<unit_state> {
        char* names[] = {unit.data(), nullptr};
        const auto reply =
            ask_for(bus, "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager", "ListUnitsByNames", end,
                    [&](sd_bus_message* question) { return sd_->append_list(question, names); });
        if (!reply) return unexpected{reply.error()};
        unit_state state;
        std::string ignored;
        std::string path;
        int done = sd_->enter(reply->get(), 'a', "(ssssssouso)");
        if (done > 0) done = sd_->enter(reply->get(), 'r', "ssssssouso");
        for (auto* const each : {&ignored, &ignored, &state.load, &state.active, &state.sub, &ignored}) {
            if (done > 0) done = read_text(reply->get(), 's', *each);
        }
        if (done > 0) done = read_text(reply->get(), 'o', path);
        if (done < 0) return failure("read systemd's answer", done);
        if (state.load.empty() || state.active.empty() || state.sub.empty() || path.empty()) {
            return fail(errc::bad_data, "systemd answers without a state of the unit");
        }
        if (!may_be_generated(state)) return state;
        auto source = source_of(bus, path, end);
        if (!source) return unexpected{std::move(source).error()};
        state.source = std::move(*source);
        return state;
    }

    [[nodiscard]] auto source_of(sd_bus* bus, const std::string& path, milliseconds end) const -> result<std::string> {
        const auto reply =
            ask_for(bus, path.c_str(), "org.freedesktop.DBus.Properties", "Get", end, [&](sd_bus_message* question) {
                const int done = sd_->append(question, 's', "org.freedesktop.systemd1.Unit");
                return done < 0 ? done : sd_->append(question, 's', "SourcePath");
            });
        if (!reply) return unexpected{reply.error()};
        std::string source;
        int done = sd_->enter(reply->get(), 'v', "s");
        if (done > 0) done = read_text(reply->get(), 's', source);
        if (done <= 0) return failure("read systemd's answer", done < 0 ? done : -EBADMSG);
        return source;
    }

    /// The reply to a method call, whose arguments `fill` appends.
    template <typename Fill>
    [[nodiscard]] auto ask_for(sd_bus* bus, const char* path, const char* interface, const char* method,
                               milliseconds end, Fill fill) const -> result<message> {
        sd_bus_message* made = nullptr;
        int done = sd_->new_call(bus, &made, systemd, path, interface, method);
        const message question{made, sd_->message_unref};
        if (done >= 0) done = fill(made);
        // libsystemd takes 0 not as a limit but as its default.
        const auto left = microseconds_left(end);
        if (done < 0 || left == 0) return failure("ask systemd", done < 0 ? done : -ETIMEDOUT);
        sd_bus_error said{};
        const std::unique_ptr<sd_bus_error, decltype(&::sd_bus_error_free)> freed{&said, sd_->error_free};
        sd_bus_message* answer = nullptr;
        done = sd_->call(bus, made, left, &said, &answer);
        if (done >= 0) return message{answer, sd_->message_unref};
        if (done == -ETIMEDOUT || said.message == nullptr) return failure("ask systemd", done);
        return fail(errc::unavailable, "systemd answers: " + one_line(said.message, 120));
    }

    /// Returns 1, 0 if there is nothing left to read, or a negative errno.
    [[nodiscard]] auto read_text(sd_bus_message* reply, char type, std::string& value) const -> int {
        const char* text = nullptr;
        const int read = sd_->read(reply, type, &text);
        if (read > 0) value = text;
        return read;
    }

    systemd_bus_options options_;
    posix_clock clock_{};
    std::optional<detail::sd_bus_functions> sd_{};
};

static_assert(unit_source<systemd_bus>);

}  // namespace powerconsul::inline v0
