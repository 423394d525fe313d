"""`ringward check` on a machine whose packet filter is in the way."""

import json
import subprocess

from support.box import binary, free_port, free_udp_ports


def test_a_packet_filter_before_a_port_is_found_with_its_remedy(namespace, tmp_path):
    tcp, udp = free_port(), free_udp_ports(1)
    config = tmp_path / "ringward.toml"
    config.write_text(
        f'development = true\nhttp = "{namespace.inside}:{tcp}"\nudp-port = {udp}\nworkers = 1\n'
        f'data = "{tmp_path / "data"}"\n'
    )
    check = namespace.command(binary(), "check", "--json", "--config", str(config))
    assert _unreached(check) == []

    namespace.drops_in("udp", udp)
    [dropped] = _unreached(check)
    assert f"udp {namespace.inside}:{udp}" in dropped["evidence"]
    remedy = dropped["remedy"].rsplit("`", 2)[1]
    assert remedy.startswith("nft insert rule inet filter input ")
    # Its words, in the chain that drops.
    words = remedy.replace("inet filter input", namespace.chain).split()
    subprocess.run(namespace.command(*words), check=True)
    assert _unreached(check) == []

    namespace.drops_in("tcp", tcp)
    [dropped] = _unreached(check)
    assert f"tcp {namespace.inside}:{tcp}" in dropped["evidence"]


def _unreached(check):
    """Findings of REACH that fail; loopback's address has the same ports and is left out."""
    report = json.loads(subprocess.run(check, capture_output=True, check=False).stdout)
    failed = [each for each in report["findings"] if each["code"] == "REACH" and each["grade"] == "FAIL"]
    return [each for each in failed if "127.0.0.1" not in each["evidence"] and "[::1]" not in each["evidence"]]
