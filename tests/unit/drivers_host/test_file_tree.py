"""Paths below a root directory."""

from congress_dist.datasources.drivers.file_tree import FileTree, printable


def test_directory_part_is_resolved_and_last_name_is_kept(host):
    host.merged_usr()
    host.link("/usr/bin/vi", "/etc/alternatives/vi")
    tree = FileTree(str(host.root))
    assert tree.canonical("/bin/vi") == "/usr/bin/vi"
    assert tree.canonical("/etc") == "/etc"


def test_absolute_links_stay_inside_the_root(host):
    host.directory("/data/lib")
    host.link("/lib", "/data/lib")
    assert FileTree(str(host.root)).canonical("/lib/a.so") == "/data/lib/a.so"


def test_parent_of_a_linked_directory_is_the_real_one(host):
    host.directory("/opt/tool/bin")
    host.directory("/opt/tool/lib")
    host.link("/usr/tool", "../opt/tool/bin")
    assert FileTree(str(host.root)).canonical("/usr/tool/../lib/a") == "/opt/tool/lib/a"


def test_a_loop_of_links_ends(host):
    host.link("/a", "b")
    host.link("/b", "a")
    assert FileTree(str(host.root)).canonical_directory("/a/x") in ("/a/x", "/b/x")


def test_a_path_of_thousands_of_names_is_resolved(host):
    assert FileTree(str(host.root)).canonical_directory("/a" * 2000) == "/a" * 2000


def test_the_root_is_itself(host):
    tree = FileTree(str(host.root))
    assert tree.canonical_directory("/") == "/"
    assert tree.canonical_directory("//.") == "/"


def test_a_name_that_is_not_utf_8_becomes_text():
    assert printable("/tmp/\udcff") == "/tmp/\\xff"
    assert printable("/tmp/é") == "/tmp/é"
