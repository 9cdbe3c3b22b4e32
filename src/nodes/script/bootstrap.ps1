$ErrorActionPreference = 'Stop'
$ProgressPreference = 'SilentlyContinue'
$hcireg = $null
try {
    $hcireg = ConvertFrom-Json -InputObject (@($input) -join '')
}
catch {
    # The error may quote the whole document, secrets and all.
    $hcireg = $null
}
if ($hcireg.script -isnot [string] -or $hcireg.script -eq '') {
    Write-Error -Message 'hcireg: there is no readable document on standard input.' -ErrorAction Continue
    exit 125
}
Invoke-Expression -Command $hcireg.script
