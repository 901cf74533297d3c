#pragma once

#include <cerrno>
#include <cstdint>
#include <cstdlib>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>

#include <dlfcn.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include <powerconsul/adapters/posix_clock.hpp>
#include <powerconsul/probes/systemd.hpp>
#include <powerconsul/result.hpp>
#include <powerconsul/text.hpp>
#include <powerconsul/units.hpp>

namespace powerconsul::inline v0 {

namespace detail {

/// What is used of libsystemd. It is loaded when a unit is asked for, and not linked: with what it needs itself
/// (libgcrypt, libzstd, liblzma, ...) it takes as long to load as a whole short run without it.
struct sd_bus_functions {
    decltype(&::sd_bus_new) make{};
    decltype(&::sd_bus_set_address) set_address{};
    decltype(&::sd_bus_set_bus_client) set_bus_client{};
    decltype(&::sd_bus_start) start{};
    decltype(&::sd_bus_is_ready) is_ready{};
    decltype(&::sd_bus_process) process{};
    decltype(&::sd_bus_wait) wait{};
    decltype(&::sd_bus_call) call{};
    decltype(&::sd_bus_close_unref) close{};
    decltype(&::sd_bus_path_encode) path_encode{};
    decltype(&::sd_bus_error_free) error_free{};
    decltype(&::sd_bus_message_new_method_call) new_call{};
    decltype(&::sd_bus_message_append_basic) append{};
    decltype(&::sd_bus_message_enter_container) enter{};
    decltype(&::sd_bus_message_exit_container) leave{};
    decltype(&::sd_bus_message_read_basic) read{};
    decltype(&::sd_bus_message_skip) skip{};
    decltype(&::sd_bus_message_unref) message_unref{};

    /// Never unloaded: libraries are not made for that. errc::unavailable: it is not installed, or too old.
    [[nodiscard]] static auto load(const std::string& library) -> result<sd_bus_functions> {
        void* const loaded = ::dlopen(library.c_str(), RTLD_NOW | RTLD_LOCAL);
        sd_bus_functions all;
        const bool complete =
            loaded != nullptr && find(loaded, "sd_bus_new", all.make) &&
            find(loaded, "sd_bus_set_address", all.set_address) &&
            find(loaded, "sd_bus_set_bus_client", all.set_bus_client) && find(loaded, "sd_bus_start", all.start) &&
            find(loaded, "sd_bus_is_ready", all.is_ready) && find(loaded, "sd_bus_process", all.process) &&
            find(loaded, "sd_bus_wait", all.wait) && find(loaded, "sd_bus_call", all.call) &&
            find(loaded, "sd_bus_close_unref", all.close) && find(loaded, "sd_bus_path_encode", all.path_encode) &&
            find(loaded, "sd_bus_error_free", all.error_free) &&
            find(loaded, "sd_bus_message_new_method_call", all.new_call) &&
            find(loaded, "sd_bus_message_append_basic", all.append) &&
            find(loaded, "sd_bus_message_enter_container", all.enter) &&
            find(loaded, "sd_bus_message_exit_container", all.leave) &&
            find(loaded, "sd_bus_message_read_basic", all.read) && find(loaded, "sd_bus_message_skip", all.skip) &&
            find(loaded, "sd_bus_message_unref", all.message_unref);
        if (complete) return all;
        const char* const why = ::dlerror();
        return fail(errc::unavailable, "cannot use libsystemd: " + std::string{why == nullptr ? library : why});
    }

private:
    template <typename Function>
    [[nodiscard]] static auto find(void* library, const char* name, Function& function) -> bool {
        function = reinterpret_cast<Function>(::dlsym(library, name));
        return function != nullptr;
    }
};

}  // namespace detail

struct systemd_bus_options {
    std::string library{"libsystemd.so.0"};
    /// systemd's own socket, which answers root alone and needs no bus; empty: not asked.
    std::string manager{::geteuid() == 0 ? "/run/systemd/private" : ""};
    std::string system_bus{"/run/dbus/system_bus_socket"};
};

/// Asks systemd over D-Bus, as `systemctl show` does: root at systemd's own socket, and where that cannot be reached,
/// as everybody else, at the system bus. Connects for each question. Models `unit_source`; reads no environment
/// variable. One object serves one thread at a time.
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
    static constexpr const char* unit_interface = "org.freedesktop.systemd1.Unit";

    /// Something of libsystemd's with the function that gives it back.
    template <typename T>
    struct held {
        explicit held(T* (*drop)(T*)) : drop_{drop} {}
        held(const held&) = delete;
        auto operator=(const held&) -> held& = delete;
        ~held() { static_cast<void>(drop_(value)); }  // all of them take a null pointer

        T* value{};

    private:
        T* (*drop_)(T*);
    };

    struct bus_error {
        explicit bus_error(decltype(&::sd_bus_error_free) drop) : drop_{drop} {}
        bus_error(const bus_error&) = delete;
        auto operator=(const bus_error&) -> bus_error& = delete;
        ~bus_error() { drop_(&value); }

        sd_bus_error value{};

    private:
        decltype(&::sd_bus_error_free) drop_;
    };

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
        held<sd_bus> bus{sd_->close};
        int connected = -ENOENT;
        if (!options_.manager.empty()) connected = connect(bus.value, options_.manager, false, end);
        if (connected < 0 && connected != -ETIMEDOUT) {
            sd_->close(std::exchange(bus.value, nullptr));
            connected = connect(bus.value, options_.system_bus, true, end);
        }
        if (connected < 0) return failure("connect to systemd", connected);
        return state_of(bus.value, std::string{unit}, end);
    }

    [[nodiscard]] auto microseconds_left(milliseconds end) const -> std::uint64_t {
        const auto left = (end - clock_.monotonic()).count;
        return left > 0 ? static_cast<std::uint64_t>(left) * 1000 : 0;
    }

    /// Until the bus takes messages, which sd_bus_call would wait for without regard to its own time limit. A negative
    /// errno if it does not, -ETIMEDOUT at the end of the time. `client`: of a bus, not of systemd alone.
    [[nodiscard]] auto connect(sd_bus*& bus, const std::string& path, bool client, milliseconds end) const -> int {
        if (const int made = sd_->make(&bus); made < 0) return made;
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

    /// To read a unit's properties makes systemd load it, as `systemctl show` wants it too.
    [[nodiscard]] auto state_of(sd_bus* bus, const std::string& unit, milliseconds end) const -> result<unit_state> {
        char* path = nullptr;
        if (const int made = sd_->path_encode("/org/freedesktop/systemd1/unit", unit.c_str(), &path); made < 0) {
            return failure("ask systemd", made);
        }
        held<sd_bus_message> question{sd_->message_unref};
        held<sd_bus_message> reply{sd_->message_unref};
        int done = sd_->new_call(bus, &question.value, "org.freedesktop.systemd1", path,
                                 "org.freedesktop.DBus.Properties", "GetAll");
        std::free(path);
        if (done >= 0) done = sd_->append(question.value, 's', unit_interface);
        if (done < 0) return failure("ask systemd", done);
        // To libsystemd 0 is no limit but its default.
        const auto left = microseconds_left(end);
        if (left == 0) return failure("ask systemd", -ETIMEDOUT);
        bus_error said{sd_->error_free};
        done = sd_->call(bus, question.value, left, &said.value, &reply.value);
        if (done < 0 && done != -ETIMEDOUT && said.value.message != nullptr) {
            return fail(errc::unavailable, "systemd answers: " + one_line(said.value.message, 120));
        }
        if (done < 0) return failure("ask systemd", done);
        unit_state state;
        if (const int read = read_properties(reply.value, state); read < 0)
            return failure("read systemd's answer", read);
        if (state.load.empty() || state.active.empty() || state.sub.empty()) {
            return fail(errc::bad_data, "systemd answers without one of LoadState, ActiveState and SubState");
        }
        return state;
    }

    /// A negative errno if the answer is not the dictionary that it must be.
    [[nodiscard]] auto read_properties(sd_bus_message* reply, unit_state& state) const -> int {
        if (const int entered = sd_->enter(reply, 'a', "{sv}"); entered <= 0) return entered < 0 ? entered : -EBADMSG;
        for (;;) {
            if (const int entered = sd_->enter(reply, 'e', "sv"); entered <= 0) return entered;
            const char* name = nullptr;
            int done = sd_->read(reply, 's', &name);
            if (done > 0) {
                std::string* const value = member(state, name);
                done = value == nullptr ? sd_->skip(reply, "v") : read_text(reply, *value);
            }
            if (done >= 0) done = sd_->leave(reply);
            if (done < 0) return done;
        }
    }

    [[nodiscard]] static auto member(unit_state& state, std::string_view property) -> std::string* {
        if (property == "LoadState") return &state.load;
        if (property == "ActiveState") return &state.active;
        if (property == "SubState") return &state.sub;
        return property == "SourcePath" ? &state.source : nullptr;
    }

    [[nodiscard]] auto read_text(sd_bus_message* reply, std::string& value) const -> int {
        if (const int entered = sd_->enter(reply, 'v', "s"); entered < 0) return entered;
        const char* text = nullptr;
        if (const int read = sd_->read(reply, 's', &text); read <= 0) return read < 0 ? read : -EBADMSG;
        value = text;
        return sd_->leave(reply);
    }

    systemd_bus_options options_;
    posix_clock clock_{};
    std::optional<detail::sd_bus_functions> sd_{};
};

static_assert(unit_source<systemd_bus>);

}  // namespace powerconsul::inline v0
