// covers: cluster/document_json.hpp cluster/document.hpp lint/document.hpp lint/report.hpp cluster/identity.hpp
#include <powerconsul/lint/document.hpp>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "fuzz.hpp"

using namespace powerconsul;

namespace {

[[nodiscard]] auto names(const std::vector<std::string>& list, std::string_view node) -> bool {
    for (const auto& each : list) {
        if (same_node(each, node)) return true;
    }
    return false;
}

void place(const cluster_document& document, const std::string& node, std::string_view datacenter) {
    const auto found = place_node(document, {node}, datacenter);
    if (!found) {
        fuzz::expect(found.error().code == errc::bad_data && fuzz::is_one_line(found.error().message), "no reason",
                     found.error().message);
        return;
    }
    const auto& group = found->group;
    fuzz::expect(found->own != role::standalone, "standalone beside a document", node);
    fuzz::expect(!found->reason.empty(), "no reason", node);
    const std::string_view own = group.by == grouping::nodes ? std::string_view{node} : datacenter;
    switch (found->own) {
        case role::primary:
            fuzz::expect(group.by == grouping::all_active || (names(group.active, own) && !names(group.standby, own)),
                         "primary, and not among the actives", node);
            break;
        case role::secondary:
            fuzz::expect(names(group.standby, own) && !names(group.active, own), "secondary, and no standby", node);
            break;
        case role::standalone:
        case role::unknown:
            fuzz::expect(!names(group.active, own) && !names(group.standby, own), "listed, and unknown", node);
    }
    if (!found->expression.empty()) {
        const auto matches = matches_at_start(found->expression, node);
        fuzz::expect(matches && *matches, "an expression that does not match", found->expression, node);
    }
}

void lint(std::string_view text, const json::service_sight* seen, bool sound) {
    lint_report report;
    const auto linted = json::lint_cluster(report, "cluster/production/web", text, seen);
    fuzz::expect(linted.has_value() == sound, "lint and the reader differ", text);
    fuzz::expect(sound || report.count(severity::error) > 0, "refused without an error", text);
    for (const auto& each : report.findings()) {
        const std::string line = to_line(each);
        fuzz::expect(fuzz::is_one_line(line) && is_utf8(line), "no line", line);
    }
    fuzz::expect(fuzz::is_one_line(summary(report)), "no line", summary(report));
}

/// This node, its datacenter, and the document.
void run(std::string_view bytes) {
    fuzz::parts script{bytes};
    const std::string node{script.next()};
    const std::string datacenter{script.next()};
    const std::string_view text = script.rest();
    const auto read = json::read_cluster_document(text);
    const auto decoded = json::decode_cluster_document(text);
    fuzz::expect(read.problems.empty() == decoded.has_value(), "the two readers differ", text);
    if (!decoded) {
        const auto& why = decoded.error();
        fuzz::expect(why.code == errc::bad_data && !why.message.empty(), "no reason", text);
        fuzz::expect(fuzz::is_one_line(why.message) && is_utf8(why.message), "no line", why.message);
    } else {
        fuzz::expect(!decoded->rules.empty(), "valid, and without a rule", text);
        for (const auto& rule : decoded->rules) {
            const bool lists = rule.group.by != grouping::all_active;
            fuzz::expect(rule.group.active.empty() != lists && rule.group.standby.empty() != lists,
                         "a list without names", text);
            fuzz::expect(!rule.expression.empty() || decoded->rules.size() == 1, "two rules without expressions", text);
        }
        place(*decoded, node, datacenter);
    }
    lint(text, nullptr, decoded.has_value());
    json::service_sight seen{"web", datacenter, {}, {datacenter, "dr"}, true};
    for (const auto* each : {node.c_str(), "production-web1"}) seen.instances.push_back({each, datacenter, {}});
    lint(text, &seen, decoded.has_value());
}

const fuzz::enlisted here{"cluster_document", run};

}  // namespace
