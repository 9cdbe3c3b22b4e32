# What the script remembers between operations. One value per record, so that a record is there whole or not at all.

$recordsPath = 'HKLM:\SOFTWARE\HciRegistration'

# Never New-Item -Force: of a key that another process has made meanwhile it would take everything away.
function Confirm-RegistryKey {
    param($Path)
    if (-not (Test-Path -Path $Path)) {
        $null = New-Item -Path $Path -ErrorAction SilentlyContinue
    }
}

function Get-Record {
    param($Name)
    if (-not (Test-Path -Path $recordsPath)) {
        return $null
    }
    $values = Get-ItemProperty -Path $recordsPath -ErrorAction Stop
    if ($null -eq $values.$Name) {
        return $null
    }
    return ConvertFrom-Json -InputObject $values.$Name
}

function Set-Record {
    param($Name, $Value)
    Confirm-RegistryKey -Path $recordsPath
    $json = ConvertTo-Json -InputObject $Value -Depth 2 -Compress
    $null = New-ItemProperty -Path $recordsPath -Name $Name -PropertyType String -Value $json -Force -ErrorAction Stop
}

function Remove-Record {
    param($Name)
    if ($null -ne (Get-Record -Name $Name)) {
        Remove-ItemProperty -Path $recordsPath -Name $Name -ErrorAction Stop
    }
}

# Windows reads the certificate: thumbprint and end of its lifetime without a type that constrained language forbids.
function Get-CertificateRecord {
    param($Certificate)
    $directory = 'C:\Program Files\HciRegistration'
    if (-not (Test-Path -Path $directory)) {
        $null = New-Item -Path $directory -ItemType Directory -ErrorAction Stop
    }
    $file = "$directory\certificate-$PID.cer"
    $lines = @('-----BEGIN CERTIFICATE-----', $Certificate, '-----END CERTIFICATE-----')
    try {
        Set-Content -Path $file -Value $lines -Encoding Ascii -ErrorAction Stop
        $read = Get-PfxCertificate -FilePath $file -ErrorAction Stop
        return @{
            certificate = $Certificate
            thumbprint  = "$($read.Thumbprint)"
            notAfter    = Get-OptionalInstant -Value $read.NotAfter
            # Its own notBefore may lie before it was made.
            createdTime = Get-OptionalInstant -Value (Get-Date)
        }
    }
    finally {
        Remove-Item -Path $file -Force -ErrorAction SilentlyContinue
    }
}
