#pragma once

#include <array>
#include <concepts>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/core/time.hpp>
#include <powerconsul/ports/executor.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/probes/probe.hpp>
#include <powerconsul/probes/service/openrc.hpp>
#include <powerconsul/probes/service/service_manager.hpp>
#include <powerconsul/probes/service/systemd.hpp>
#include <powerconsul/probes/service/sysv.hpp>

namespace powerconsul::inline v0 {

struct service_probe_options {
    std::string name{};  ///< as the service manager calls it; must pass validate_local_service()
    service_manager manager{service_manager::systemd};
    milliseconds timeout{5000};  ///< for each query: at most one to systemd and then one to an init script
    std::string init_directory{"/etc/init.d"};
    std::string systemctl{};             ///< absolute path; if empty, looked for in the usual directories
    std::string rc_service{};            ///< as for systemctl
    std::vector<std::string> ignored{};  ///< parts that need not run, as the status of an init script names them
};

/// Asks the service manager whether the local service runs. Models `probe`. Executor, Files and Units may be
/// references. systemd is asked through Units, and through systemctl if Units cannot answer. Never starts, stops or
/// changes anything.
template <command_executor Executor, file_source Files, unit_source Units = no_unit_source>
class service_probe {
public:
    service_probe(service_probe_options options, Executor executor,
                  Files files) requires std::default_initializable<Units>
        : service_probe{std::move(options), std::forward<Executor>(executor), std::forward<Files>(files), Units{}} {}
    service_probe(service_probe_options options, Executor executor, Files files, Units units)
        : options_{std::move(options)},
          executor_{std::forward<Executor>(executor)},
          files_{std::forward<Files>(files)},
          units_{std::forward<Units>(units)} {}

    [[nodiscard]] auto operator()() -> observed {
        if (auto valid = validate_local_service(options_.name); !valid) return give_up(valid.error());
        switch (options_.manager) {
            case service_manager::systemd: return ask_systemd();
            case service_manager::sysv: return ask_init_script(options_.name);
            case service_manager::openrc: break;
        }
        return ask_openrc();
    }

private:
    [[nodiscard]] static auto give_up(const error& why) -> observed { return {observation::unknown, why.message}; }

    [[nodiscard]] auto ask_systemd() -> observed {
        const std::string unit = unit_name(options_.name);
        milliseconds left = options_.timeout;
        auto state = units_.ask(mangled_unit_name(unit), left);
        if (!state && state.error().code != errc::timed_out && left.count > 0) state = ask_systemctl(unit, left);
        if (!state) return give_up(state.error());
        const auto script = script_behind(*state, options_.init_directory);
        return script.empty() ? interpret_unit(*state, unit) : ask_init_script(script);
    }

    [[nodiscard]] auto ask_systemctl(const std::string& unit, milliseconds time) -> result<unit_state> {
        const auto systemctl = find_program("systemctl", options_.systemctl);
        if (!systemctl) return unexpected{systemctl.error()};
        const auto end = run({*systemctl, "show", "--no-pager", "--property=LoadState", "--property=ActiveState",
                              "--property=SubState", "--property=SourcePath", "--", unit},
                             time);
        if (!end) return unexpected{end.error()};
        return read_unit_state(*end);
    }

    [[nodiscard]] auto ask_init_script(std::string_view name) -> observed {
        const std::string path = script_path(name);
        const auto seen = files_.status(path);
        if (!seen) return give_up(seen.error());
        if (!*seen) return {observation::unknown, "there is no init script " + quoted(path)};
        if ((*seen)->kind != file_kind::symlink) {
            if ((*seen)->kind != file_kind::regular) {
                return {observation::unknown, "init script " + quoted(path) + " is no regular file"};
            }
            if (((*seen)->mode & 0111U) == 0) {
                return {observation::unknown, "init script " + quoted(path) + " is not executable"};
            }
        }
        const auto end = run({path, "status"}, options_.timeout);
        return end ? interpret_init_script(*end, read_script(path), options_.ignored) : give_up(end.error());
    }

    [[nodiscard]] auto ask_openrc() -> observed {
        const auto rc_service = find_program("rc-service", options_.rc_service);
        if (!rc_service) return give_up(rc_service.error());
        const auto end = run({*rc_service, options_.name, "status"}, options_.timeout);
        return end ? interpret_rc_service(*end, read_script(script_path(options_.name)), options_.ignored)
                   : give_up(end.error());
    }

    [[nodiscard]] auto script_path(std::string_view name) const -> std::string {
        return options_.init_directory + '/' + std::string{name};
    }

    /// A script that cannot be read may do anything.
    [[nodiscard]] auto read_script(const std::string& path) -> init_script {
        const auto script = files_.read(path, std::size_t{256} * 1024);
        return script && *script ? read_init_script(**script) : init_script{};
    }

    [[nodiscard]] auto find_program(std::string_view name, const std::string& given) -> result<std::string> {
        if (!given.empty()) return given;
        constexpr std::array<std::string_view, 4> directories{"/usr/bin/", "/bin/", "/usr/sbin/", "/sbin/"};
        for (const auto directory : directories) {
            std::string path = std::string{directory} + std::string{name};
            auto seen = files_.status(path);
            if (!seen) return unexpected{std::move(seen).error()};
            if (*seen && ((*seen)->kind == file_kind::regular || (*seen)->kind == file_kind::symlink)) return path;
        }
        return fail(errc::unavailable, std::string{name} + " was not found in /usr/bin, /bin, /usr/sbin and /sbin");
    }

    /// In the clean environment of Debian's service(8), in English so that the output can be parsed and stays the same.
    /// Without SYSTEMCTL_SKIP_REDIRECT, Debian's init scripts pass `status` on to systemctl
    /// (/lib/lsb/init-functions.d/40-systemd).
    [[nodiscard]] auto run(std::vector<std::string> argv, milliseconds time) -> result<outcome> {
        return executor_.run(command{
            .argv = std::move(argv),
            .environment = {"LANG=C", "LC_ALL=C", "TERM=dumb", "SYSTEMCTL_SKIP_REDIRECT=1",
                            "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
            .timeout = time,
            .grace = grace_within(time),
        });
    }

    service_probe_options options_;
    Executor executor_;
    Files files_;
    Units units_;
};

/// Lvalues are held by reference: the probe is usually shorter-lived than the policies. Without the constructor's
/// constraint repeated here, clang would prefer the constructor and copy them.
// clang-format 14 takes the guide for a part of the requires clause.
// clang-format off
template <command_executor Executor, file_source Files, unit_source Units = no_unit_source>
    requires std::default_initializable<Units>
service_probe(service_probe_options, Executor&, Files&) -> service_probe<Executor&, Files&, Units>;
// clang-format on
template <command_executor Executor, file_source Files, unit_source Units>
service_probe(service_probe_options, Executor&, Files&, Units&) -> service_probe<Executor&, Files&, Units&>;

}  // namespace powerconsul::inline v0
