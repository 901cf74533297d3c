#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <powerconsul/core/result.hpp>
#include <powerconsul/core/text.hpp>
#include <powerconsul/ports/files.hpp>
#include <powerconsul/ports/transport.hpp>
#include <powerconsul/store/decoder.hpp>
#include <powerconsul/store/store.hpp>

namespace powerconsul::inline v0 {

/// Reads a store from its file's text:
///
///     {"agent": {"node": "production-web2", "datacenter": "hq"},
///      "datacenters": {
///        "hq": {
///          "kv": {"cluster/production/web": {"active_nodes": ["production-web1"],
///                                            "standby_nodes": ["production-web2"]},
///                 "plain": "text value"},
///          "services": [
///            {"service": "web", "node": "production-web1",
///             "checks": {"serfHealth": "passing", "service:web": "critical"}},
///            {"service": "web", "node": "production-web2", "checks": {"service:web": "passing"}}]},
///        "dr": {}}}
///
/// `agent`: by default node `embedded` of the first datacenter, or of `dc1` if there is none. `kv`: a string is the
/// value itself, other JSON is stored as its compact text; `kv_base64` for values that are not UTF-8. A service may
/// also have `id` (default: its name), `tags`, `address` and `port`. A check is `passing`, `warning` or `critical`, or
/// has an output of its own: `{"status": "critical", "output": "no such process"}` (an empty output means that it has
/// never run). `serfHealth`, `_node_maintenance` and those that `node_checks` lists are the node's checks; serfHealth
/// passes unless it is stated. Fails with errc::bad_data for anything else, naming its place.
[[nodiscard]] inline auto load_store(std::string_view text) -> result<store> {
    return store_decoder{text}.decode().transform([](decoded_store&& made) {
        return store{std::move(made.data), std::move(made.agent)};
    });
}

/// A transport over a store's file of at most 64 MiB, which it reads at the first request and never writes: what a
/// request changes is kept in memory. Fails with errc::configuration if there is no such file, errc::bad_data if it is
/// wrong.
template <file_source Files>
class file_store_transport {
public:
    file_store_transport(Files files, std::string path) : files_{std::forward<Files>(files)}, path_{std::move(path)} {}

    [[nodiscard]] auto perform(const http_request& request) -> result<http_response> {
        if (!store_) {
            if (auto done = read(); !done) return unexpected{std::move(done).error()};
        }
        return store_->perform(request);
    }

private:
    static constexpr std::size_t largest_file = 64 * 1024 * 1024;

    auto read() -> result<void> {
        auto text = files_.read(path_, largest_file);
        if (!text) return unexpected{std::move(text).error()};
        if (!*text) {
            return fail(errc::configuration,
                        "the store file " + quoted(path_) + " does not exist; create it, an empty store is {}");
        }
        auto made = load_store(**text);
        if (!made) return fail(made.error().code, "store file " + quoted(path_) + ": " + made.error().message);
        store_ = std::move(*made);
        return {};
    }

    Files files_;
    std::string path_;
    std::optional<store> store_{};
};

}  // namespace powerconsul::inline v0
