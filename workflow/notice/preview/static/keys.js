// Keys for turning the pages; every one of them follows a link that can be clicked as well.
const LINKS = { ArrowLeft: "previous", ArrowRight: "next", w: "other-width" };

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, textarea")) return;
  if (event.key === "/") {
    event.preventDefault();
    document.getElementById("q").select();
    return;
  }
  const link = document.getElementById(LINKS[event.key]);
  if (link) {
    event.preventDefault();
    link.click();
  }
});
